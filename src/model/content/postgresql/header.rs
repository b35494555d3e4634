//! The comment before each object: `-- Name: orders; Type: TABLE; Schema: public; Owner: shop`.

/// What an object is, in words: `check constraint`, `positive on public.orders`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) owner: Vec<u8>,
}

pub(super) fn parse(line: &[u8]) -> Option<Header> {
    let line = String::from_utf8_lossy(line);
    let line =
        line.strip_prefix("-- Data for ").or_else(|| line.strip_prefix("-- "))?.strip_prefix("Name: ")?;
    let (rest, owner) = line.rsplit_once("; Owner: ")?;
    let (rest, schema) = rest.rsplit_once("; Schema: ")?;
    let (name, kind) = rest.rsplit_once("; Type: ")?;
    // An index may be in a tablespace, where a drill may not have it.
    let owner = owner.split_once("; Tablespace: ").map_or(owner, |(owner, _)| owner);
    let owner = if has_own_owner(kind) { owner } else { "" };
    let within = if schema == "-" { String::new() } else { format!("{schema}.") };
    let (kind, name) = words(kind, &within, name);
    Some(Header { kind, name, owner: owner.as_bytes().to_vec() })
}

/// Whether the dump gives it an owner. The others have that of the object they belong to; where that is of an extension, it is
/// whoever made the extension on this server.
fn has_own_owner(kind: &str) -> bool {
    !matches!(
        kind,
        "ACL"
            | "CHECK CONSTRAINT"
            | "COMMENT"
            | "CONSTRAINT"
            | "DEFAULT"
            | "FK CONSTRAINT"
            | "INDEX"
            | "INDEX ATTACH"
            | "MATERIALIZED VIEW DATA"
            | "POLICY"
            | "PUBLICATION TABLE"
            | "ROW SECURITY"
            | "RULE"
            | "SECURITY LABEL"
            | "SEQUENCE OWNED BY"
            | "SEQUENCE SET"
            | "TABLE ATTACH"
            | "TRIGGER"
            | "USER MAPPING"
    )
}

/// Kinds of more than one word that have privileges, comments and labels.
const LONG_KINDS: [&str; 13] = [
    "ACCESS METHOD",
    "EVENT TRIGGER",
    "FOREIGN DATA WRAPPER",
    "FOREIGN SERVER",
    "FOREIGN TABLE",
    "LARGE OBJECT",
    "LARGE OBJECTS",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
];

fn words(kind: &str, within: &str, name: &str) -> (String, String) {
    // `orders orders_status_check`: a name with a space in it stays as it is.
    let of_table = || match name.split_once(' ') {
        Some((table, name)) if !name.contains(' ') => format!("{name} on {within}{table}"),
        Some(_) | None => format!("{within}{name}"),
    };
    let of_object = || {
        let is_kind = |kind: &&&str| name.strip_prefix(**kind).is_some_and(|rest| rest.starts_with(' '));
        let kind = LONG_KINDS.iter().find(is_kind).map(|kind| kind.len());
        match kind.or_else(|| name.find(' ')).and_then(|end| name.split_at_checked(end)) {
            Some((kind, name)) => format!("{} {within}{}", kind.to_lowercase(), name.trim_start()),
            None => format!("{within}{name}"),
        }
    };
    let plain = || format!("{within}{name}");
    match kind {
        "CHECK CONSTRAINT" | "CONSTRAINT" | "TRIGGER" | "RULE" | "POLICY" => {
            (kind.to_lowercase(), of_table())
        }
        "FK CONSTRAINT" => ("foreign key".to_owned(), of_table()),
        "DEFAULT" => ("default of".to_owned(), of_table()),
        "ROW SECURITY" => ("row security of".to_owned(), plain()),
        "ACL" => ("privileges on".to_owned(), of_object()),
        "COMMENT" => ("comment on".to_owned(), of_object()),
        "SECURITY LABEL" => ("security label on".to_owned(), of_object()),
        "DEFAULT ACL" => ("default privileges".to_owned(), plain()),
        "SEQUENCE SET" => ("value of sequence".to_owned(), plain()),
        "SEQUENCE OWNED BY" => ("owner of sequence".to_owned(), plain()),
        "TABLE ATTACH" => ("partition".to_owned(), plain()),
        "INDEX ATTACH" => ("partition of index".to_owned(), plain()),
        "PUBLICATION TABLE" => ("publication".to_owned(), plain()),
        "MATERIALIZED VIEW DATA" => ("content of materialized view".to_owned(), plain()),
        "BLOB" | "BLOB METADATA" => ("large object".to_owned(), name.to_owned()),
        "BLOBS" => ("BLOBS".to_owned(), name.to_owned()),
        "TABLE DATA" => ("TABLE DATA".to_owned(), plain()),
        other => (other.to_lowercase(), plain()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_named_for_people() {
        for (line, kind, name) in [
            ("-- Name: orders; Type: TABLE; Schema: public; Owner: shop", "table", "public.orders"),
            ("-- Name: t; Type: TABLE; Schema: public; Owner: shop; Tablespace: fast", "table", "public.t"),
            (
                "-- Name: o o_check; Type: CHECK CONSTRAINT; Schema: public; Owner: x",
                "check constraint",
                "o_check on public.o",
            ),
            ("-- Name: a b c; Type: TRIGGER; Schema: public; Owner: x", "trigger", "public.a b c"),
            ("-- Name: COLUMN o.id; Type: COMMENT; Schema: app; Owner: x", "comment on", "column app.o.id"),
            (
                "-- Name: we; Type: TABLE; ird; Type: TABLE; Schema: public; Owner: x",
                "table",
                "public.we; Type: TABLE; ird",
            ),
            (
                "-- Name: MATERIALIZED VIEW mv; Type: COMMENT; Schema: app; Owner: x",
                "comment on",
                "materialized view app.mv",
            ),
            ("-- Name: LARGE OBJECT 5; Type: ACL; Schema: -; Owner: x", "privileges on", "large object 5"),
            ("-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: x", "privileges on", "schema public"),
            ("-- Name: hstore; Type: EXTENSION; Schema: -; Owner: -", "extension", "hstore"),
            ("-- Data for Name: o; Type: TABLE DATA; Schema: public; Owner: x", "TABLE DATA", "public.o"),
        ] {
            let header = parse(line.as_bytes()).unwrap();
            assert_eq!((header.kind.as_str(), header.name.as_str()), (kind, name));
            assert!(header.owner != b"x; Tablespace: fast");
        }
        // Of whoever made the extension, here and there.
        let owner = |line: &[u8]| parse(line).unwrap().owner;
        assert_eq!(owner(b"-- Name: cron.jobid_seq; Type: SEQUENCE SET; Schema: cron; Owner: x"), b"");
        assert_eq!(owner(b"-- Name: orders; Type: TABLE; Schema: public; Owner: x"), b"x");
        for line in ["-- Name: x", "--", "-- Name: ; Type: ; Schema: ", "-- a comment"] {
            assert_eq!(parse(line.as_bytes()), None);
        }
    }
}
