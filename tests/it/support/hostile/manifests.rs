//! Manifests that no Dumpcar wrote.

use serde_json::{Value, json};

use super::{NASTY, good_object};
use crate::support::stored::manifest;

/// What a planted manifest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    /// No manifest.
    Unreadable,
    /// Its objects are not what the bucket has.
    Incomplete,
    /// It might be one; it is not good, and is not restored.
    Refused,
    /// Only its words are strange: it may be restored, as long as nobody prints them as they are.
    Strange,
}

type Make = dyn Fn(&str, &str) -> Vec<u8> + Send + Sync;

pub(crate) struct Planted {
    pub(crate) name: String,
    pub(crate) truth: Truth,
    make: Box<Make>,
}

impl Planted {
    fn changed(name: &str, truth: Truth, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Self {
        Self::text(name, truth, move |mut manifest| {
            change(&mut manifest);
            manifest.to_string().into_bytes()
        })
    }

    fn text(name: &str, truth: Truth, write: impl Fn(Value) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let make =
            move |target: &str, stamp: &str| write(manifest(target, stamp, "postgresql", &[good_object()]));
        Self { name: name.to_owned(), truth, make: Box::new(make) }
    }

    fn bytes(name: &str, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        Self::text(name, Truth::Unreadable, move |_| content.clone())
    }

    /// Another value of a field of the only object.
    fn object(name: &str, truth: Truth, field: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::changed(name, truth, move |manifest| manifest["objects"][0][field] = value.clone())
    }

    fn field(name: &str, truth: Truth, field: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::changed(name, truth, move |manifest| manifest[field] = value.clone())
    }

    /// The target that has only this one.
    pub(crate) fn target(&self) -> String {
        format!("e-{}", self.name)
    }

    /// This file is beside it.
    pub(crate) fn has(&self, file: &str) -> bool {
        match self.name.as_str() {
            "one-database-twice" => file.starts_with("app."),
            "globals-twice" => true,
            _ => file == "app.sql",
        }
    }

    /// There is no way to take it for a backup.
    pub(crate) fn is_plainly_bad(&self) -> bool {
        matches!(self.truth, Truth::Unreadable | Truth::Incomplete)
    }

    pub(crate) fn manifest(&self, target: &str, stamp: &str) -> Vec<u8> {
        (self.make)(target, stamp)
    }
}

/// Larger than anything a bounded reader takes.
const GIANT: usize = 70_000_000;

/// White space in front of a good manifest.
pub(crate) fn giant() -> Planted {
    Planted::text("giant", Truth::Unreadable, |manifest| {
        let mut json = vec![b' '; GIANT];
        json.extend(manifest.to_string().bytes());
        json
    })
}

/// A manifest whose one text is large: a reader that bounds only the number of values would keep it.
pub(crate) fn giant_text() -> Planted {
    Planted::text("giant-text", Truth::Unreadable, |mut manifest| {
        manifest["suspicious"] = "x".repeat(GIANT).into();
        manifest.to_string().into_bytes()
    })
}

fn second(manifest: &mut Value, name: &str, database: &str) {
    let mut object = manifest["objects"][0].clone();
    object["name"] = name.into();
    object["database"] = database.into();
    manifest["objects"].as_array_mut().unwrap().push(object);
}

/// All of them but the large ones.
pub(crate) fn all() -> Vec<Planted> {
    use Truth::{Incomplete, Refused, Strange, Unreadable};
    let mut all = vec![
        Planted::bytes("empty", ""),
        Planted::bytes("null", "null"),
        Planted::bytes("array", "[]"),
        Planted::bytes("text", "\"manifest\""),
        Planted::bytes("other-tool", "somebody's"),
        Planted::bytes("not-utf8", b"\xff\xfe\x00{"),
        Planted::bytes("deep", vec![b'['; 200_000]),
        Planted::bytes("deep-objects", "{\"version\":".repeat(20_000)),
        Planted::field("version-2", Unreadable, "version", 2),
        Planted::field("version-negative", Unreadable, "version", -1),
        Planted::field("version-huge", Unreadable, "version", u64::MAX),
        Planted::field("version-float", Unreadable, "version", 1e300),
        Planted::field("version-text", Unreadable, "version", "1"),
        Planted::text("double-keys", Unreadable, |manifest| {
            let text = manifest.to_string();
            let fields = text.strip_prefix('{').unwrap();
            format!("{{\"version\":1,\"objects\":[],{fields}").into_bytes()
        }),
        Planted::text("behind", Unreadable, |manifest| format!("{manifest}{{}}").into_bytes()),
        Planted::field("other-target", Unreadable, "target", "shop"),
        Planted::field("target-path", Unreadable, "target", "../pg"),
        Planted::field("other-stamp", Unreadable, "stamp", "2026-10-01T00-00-00Z"),
        Planted::field("stamp-path", Unreadable, "stamp", ".."),
        Planted::field("no-objects", Unreadable, "objects", json!([])),
        Planted::field("objects-object", Unreadable, "objects", json!({})),
        Planted::field("objects-null", Unreadable, "objects", json!(null)),
        Planted::field("started-wrong", Unreadable, "started", "yesterday"),
        Planted::changed("object-absent", Incomplete, |manifest| second(manifest, "other.sql", "other")),
        Planted::object("size-other", Incomplete, "stored_bytes", 1),
        Planted::object("size-zero", Unreadable, "stored_bytes", 0),
        Planted::object("size-2-63", Incomplete, "stored_bytes", 1_u64 << 63),
        Planted::object("size-most", Incomplete, "stored_bytes", u64::MAX),
        Planted::changed("sizes-overflow", Unreadable, |manifest| {
            second(manifest, "other.sql", "other");
            for object in manifest["objects"].as_array_mut().unwrap() {
                object["stored_bytes"] = u64::MAX.into();
                object["plain_bytes"] = u64::MAX.into();
            }
        }),
        Planted::object("size-negative", Unreadable, "stored_bytes", -1),
        Planted::object("size-float", Unreadable, "stored_bytes", 1e300),
        Planted::changed("one-name-twice", Unreadable, |manifest| second(manifest, "app.sql", "other")),
        // Each with the name that its content gives it.
        Planted::changed("one-database-twice", Unreadable, |manifest| {
            second(manifest, "app.sql.gz", "app");
            manifest["objects"][1]["encoding"] = json!(["gzip"]);
        }),
        Planted::changed("globals-twice", Unreadable, |manifest| {
            for (name, compression) in [("globals.sql.gz", "gzip"), ("globals.sql.zst", "zstd")] {
                second(manifest, name, "app");
                let object = manifest["objects"].as_array_mut().unwrap().last_mut().unwrap();
                object["encoding"] = json!([compression]);
                object["kind"] = "globals".into();
                object.as_object_mut().unwrap().remove("database");
            }
        }),
        Planted::changed("many", Unreadable, |manifest| {
            let object = manifest["objects"][0].clone();
            manifest["objects"] = vec![object; 300].into();
        }),
        Planted::object("digest-wrong", Unreadable, "stored_sha256", "zz"),
        Planted::object("kind-unknown", Unreadable, "kind", "shell"),
        Planted::object("encoding-unknown", Unreadable, "encoding", json!(["rar"])),
        Planted::object("encoding-window", Unreadable, "encoding", json!(["xz:99"])),
        Planted::object("encoding-twice", Unreadable, "encoding", json!(["xz", "xz"])),
        Planted::object("database-empty", Unreadable, "database", ""),
        Planted::object("database-nul", Unreadable, "database", "a\0b"),
        Planted::object("database-null", Unreadable, "database", Value::Null),
        Planted::object("database-long", Unreadable, "database", "x".repeat(100_000)),
        Planted::object("options-sql", Refused, "options", "TEMPLATE template0; DROP DATABASE app; --"),
        Planted::object("options-psql", Refused, "options", "TEMPLATE template0\n\\! touch /pwned\n"),
        Planted::object(
            "options-long",
            Refused,
            "options",
            format!("TEMPLATE template0{}", " ".repeat(100_000)),
        ),
        Planted::object("format-path", Unreadable, "format", "../x"),
        Planted::field("suspicious-nasty", Strange, "suspicious", NASTY),
        Planted::field("suspicious-long", Strange, "suspicious", "x".repeat(1_000_000)),
        Planted::field("server-nasty", Strange, "server_version", NASTY),
        Planted::field("image-nasty", Strange, "image", NASTY),
        Planted::field("instance-nasty", Strange, "instance", NASTY),
        Planted::field("dumpcar-nasty", Strange, "dumpcar", NASTY),
        Planted::field("engine-nasty", Unreadable, "engine", NASTY),
        Planted::field("engine-unknown", Refused, "engine", "oracle"),
        Planted::field("engine-path", Refused, "engine", "../postgresql"),
    ];
    for (name, file) in [
        ("parent", "../x"),
        ("other-backup", "../2026-11-05T23-00-00Z/app.sql"),
        ("dots", ".."),
        ("dot", "."),
        ("nameless", ""),
        ("note", "note.txt"),
        ("folder", "a/b"),
        ("absolute", "/app.sql"),
        ("drill", "drill.json"),
        ("manifest", "manifest.json"),
        ("newline", "app.sql.xz\n"),
        ("nul", "app\0.sql"),
        ("query", "app.sql?versionId=x"),
        ("fragment", "#app.sql"),
        ("encoded", "%2e%2e%2fx.sql"),
        ("nasty", NASTY),
        ("other-database", "globals.sql"),
    ] {
        all.push(Planted::object(&format!("name-{name}"), Unreadable, "name", file));
    }
    for (name, image) in [
        ("query", "../images/get?names=x"),
        ("tag", "red-img:1"),
        ("short", "sha256:zz"),
        ("none", ""),
        ("upper", "sha256:ABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCDABCD"),
        ("behind", "sha256:1234123412341234123412341234123412341234123412341234123412341234/json?x="),
    ] {
        all.push(Planted::field(&format!("image-{name}"), Unreadable, "image_id", image));
        all.push(Planted::field(&format!("digest-{name}"), Unreadable, "image_digest", image));
    }
    for (engine, names) in [
        ("mariadb", &["mysql", "sys", "information_schema", "performance_schema", "MySQL"][..]),
        ("postgresql", &["template0", "template1"]),
    ] {
        for name in names {
            all.push(Planted::changed(&format!("system-{name}"), Refused, move |manifest| {
                manifest["engine"] = engine.into();
                manifest["objects"][0]["database"] = (*name).into();
            }));
        }
    }
    all.push(Planted::changed("command", Refused, |manifest| {
        manifest["engine"] = "custom".into();
        manifest["restore_command"] = "planted-command".into();
        manifest["objects"][0]["kind"] = "dump".into();
        manifest["objects"][0].as_object_mut().unwrap().remove("database");
    }));
    all
}
