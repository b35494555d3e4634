//! What `pg_dump` and `mariadb-dump` print of a shop's tables, the same each time.

use std::fmt::Write as _;

use bytes::Bytes;

/// A dump in the pieces that Docker cuts a busy stream into.
pub(crate) fn postgresql(bytes: usize) -> Vec<Bytes> {
    let mut random = Random(7);
    let mut dump = String::from("--\n-- PostgreSQL database dump\n--\n\n");
    for table in 1.. {
        write!(
            dump,
            "--\n-- Data for Name: orders_{table}; Type: TABLE DATA; Schema: public; Owner: shop\n--\n\n\
             COPY public.orders_{table} (id, customer, placed, token, document, remark) FROM stdin;\n"
        )
        .unwrap();
        for id in 1..=20_000 {
            let Row { customer, placed, token, document, remark } = Row::new(&mut random);
            writeln!(dump, "{id}\t{customer}\t{placed}\t{token}\t{document}\t{remark}").unwrap();
            if dump.len() >= bytes {
                break;
            }
        }
        dump.push_str("\\.\n\n\n");
        if dump.len() >= bytes {
            break;
        }
    }
    dump.truncate(bytes);
    pieces(dump)
}

/// The same rows, written the other way.
pub(crate) fn mysql(bytes: usize) -> Vec<Bytes> {
    let mut random = Random(7);
    let mut dump = String::from("/*M!999999\\- enable the sandbox mode */ \n");
    for table in 1.. {
        write!(dump, "--\n-- Table structure for table `orders_{table}`\n--\n\nCREATE TABLE `orders_{table}` (\n  `id` int(11) NOT NULL,\n  `customer` int(11)\n);\n")
            .unwrap();
        for first in (1..=20_000).step_by(1000) {
            write!(dump, "INSERT INTO `orders_{table}` VALUES").unwrap();
            for id in first..first + 1000 {
                let Row { customer, placed, token, document, remark } = Row::new(&mut random);
                let (before, document) =
                    (if id == first { "\n" } else { ",\n" }, document.replace('"', "\\\""));
                write!(dump, "{before}({id},{customer},'{placed}','{token}','{document}','{remark}')")
                    .unwrap();
            }
            dump.push_str(";\n");
            if dump.len() >= bytes {
                break;
            }
        }
        if dump.len() >= bytes {
            break;
        }
    }
    dump.truncate(bytes);
    pieces(dump)
}

/// 4 to 32 KiB, 13 on average: the tool writes pages, and Docker reads what there is, 32 KiB at the most.
fn pieces(dump: String) -> Vec<Bytes> {
    const PAGES: [usize; 8] = [1, 2, 2, 2, 3, 3, 5, 8];
    let (mut random, mut rest) = (Random(11), Bytes::from(dump));
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let size = 4096 * random.of(&PAGES);
        pieces.push(rest.split_to(size.min(rest.len())));
    }
    pieces
}

/// A number, a time, a hash, a document and some words.
struct Row {
    customer: u64,
    placed: String,
    token: String,
    document: String,
    remark: String,
}

impl Row {
    fn new(random: &mut Random) -> Self {
        const WORDS: [&str; 16] = [
            "delivered",
            "to",
            "the",
            "neighbour",
            "please",
            "ring",
            "twice",
            "gift",
            "wrapped",
            "Strasse",
            "fragile",
            "returned",
            "after",
            "a",
            "week",
            "größer",
        ];
        let (day, second) = (random.below(28) + 1, random.below(86_400));
        let words: Vec<&str> = (0..3 + random.below(12)).map(|_| random.of(&WORDS)).collect();
        Self {
            customer: random.below(50_000),
            placed: format!(
                "2026-{:02}-{day:02} {:02}:{:02}:{:02}.{:06}+00",
                random.below(12) + 1,
                second / 3600,
                second / 60 % 60,
                second % 60,
                random.below(1_000_000)
            ),
            token: format!("{:016x}{:016x}", random.next(), random.next()),
            document: format!(
                r#"{{"sku": "A-{:05}", "quantity": {}, "price": {}.{:02}, "paid": {}, "tags": ["{}", "{}"]}}"#,
                random.below(4000),
                random.below(9) + 1,
                random.below(200),
                random.below(100),
                random.below(2) == 0,
                random.of(&WORDS),
                random.of(&WORDS)
            ),
            remark: words.join(" "),
        }
    }
}

/// Xorshift: no crate's next version makes other numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).expect("it is small")]
    }
}
