//! Images to which something happened.

use proptest::prelude::*;

use super::*;

fn small() -> Vec<u8> {
    let database = Database::with_pages(512);
    let numbers = numbers(30);
    database.run(&format!(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b);
         {numbers} INSERT INTO a SELECT i, printf('%.*c', i * 40, 'a') FROM n;
         CREATE TABLE c (d PRIMARY KEY) WITHOUT ROWID;
         {numbers} INSERT INTO c SELECT printf('%.*c', i * 20, 'c') FROM n;"
    ));
    database.content();
    database.image()
}

#[test]
fn no_beginning_of_an_image_is_whole() {
    let image = small();
    let mut counter = Counter::new(Dialect::Sqlite);
    for (at, byte) in image.iter().enumerate() {
        assert_eq!(counter.whole(), Err(NotWhole::CutOff { at: at as u64 }));
        assert!(counter.unread().is_some(), "byte {at}");
        counter.take(&[*byte]);
    }
    assert_eq!((counter.whole(), counter.unread()), (Ok(()), None));
}

#[test]
fn an_image_that_goes_on_is_not_whole() {
    let image = small();
    for bytes in [1, 512, 5000] {
        let longer = [image.as_slice(), &vec![0; bytes]].concat();
        let behind = NotWhole::Trailing { end: image.len() as u64, bytes: bytes as u64 };
        assert_eq!(read(&longer, 1000).whole, Err(behind));
    }
}

/// An old version of SQLite has written to it last.
#[test]
fn an_image_that_does_not_say_its_size_has_whole_pages() {
    let mut image = small();
    image[27] ^= 1;
    assert_eq!(read(&image, 1000).whole, Ok(()));
    let cut = &image[..image.len() - 1];
    assert_eq!(read(cut, 1000).whole, Err(NotWhole::CutOff { at: cut.len() as u64 }));
    let cut = &image[..image.len() - 512];
    let known = read(cut, 1000);
    assert_eq!(known.whole, Ok(()));
    assert!(matches!(known.unread, Some(Unread::Page { .. })), "{known:?}");
}

#[test]
fn another_file_is_no_database() {
    for other in [&b"SQLite format 3 "[..], b"x", b"REDIS0011\xfa\x09redis-ver", &[0; 4096]] {
        let known = read(other, 7);
        assert_eq!(known.whole, Err(NotWhole::NoDatabase));
        assert!(known.unread.is_some());
        assert_eq!(known.content, Content::default());
    }
    assert_eq!(read(&[], 1).whole, Err(NotWhole::CutOff { at: 0 }));
}

/// Where the page begins, and where its cells are.
fn cell(image: &[u8], page: usize, cell: usize) -> usize {
    let start = (page - 1) * 512;
    let head = if page == 1 { start + 100 } else { start };
    let pointers = head + if matches!(image[head], 2 | 5) { 12 } else { 8 };
    start + usize::from(u16::from_be_bytes(*image[pointers + 2 * cell..].first_chunk().unwrap()))
}

#[test]
fn damage_is_named() {
    // The root of `a` is page 2, and has children.
    let image = small();
    assert_eq!(image[512], 5);
    let told = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut damaged = image.clone();
        change(&mut damaged);
        let known = read(&damaged, 1000);
        assert_eq!(known.whole, Ok(()));
        known.unread.map_or_else(String::new, |unread| unread.to_string())
    };
    let child = cell(&image, 2, 0);
    let other = cell(&image, 2, 1);
    let first = u32::from_be_bytes(*image[child..].first_chunk().unwrap());
    let leaf = (first as usize - 1) * 512;
    assert_eq!(told(&|_| {}), "");
    assert!(told(&|image| image[child] = 1).contains("out of the database"));
    assert!(told(&|image| image.copy_within(other..other + 4, child)).contains("belongs to two others"));
    assert!(
        told(&|image| image[child + 3] = 2).contains("page 2 of the database cannot be read: it belongs")
    );
    assert!(told(&|image| image[leaf] = 10).contains(&format!("page {first} of")));
    assert!(told(&|image| image[leaf] = 0).contains("no page of a table"));
    assert!(told(&|image| image[leaf + 8] = 0xff).contains("no page of a table"));
    assert!(told(&|image| image[leaf + 4] = 0xff).contains("no page of a table"));
    assert!(told(&|image| image[100] = 10).contains("page 1"));
}

#[test]
fn a_tree_of_itself_has_an_end() {
    let mut image = small();
    // Each page has itself as its child.
    let at = cell(&image, 2, 0);
    image[at..at + 4].copy_from_slice(&2_u32.to_be_bytes());
    assert!(matches!(read(&image, 512).unread, Some(Unread::Page { page: 2, .. })));
}

#[test]
fn a_tree_has_a_deepest_level() {
    let deep = |levels: u32| {
        let mut image = small();
        image.truncate(512);
        image[28..32].copy_from_slice(&(levels + 1).to_be_bytes());
        // An interior page without cells, but for its last child.
        for page in 2..=levels {
            let mut interior = [0; 512];
            interior[0] = 5;
            interior[8..12].copy_from_slice(&(page + 1).to_be_bytes());
            image.extend(interior);
        }
        let mut leaf = [0; 512];
        leaf[0] = 13;
        image.extend(leaf);
        // Of the two tables only the first one.
        image[104] = 1;
        read(&image, 512)
    };
    assert_eq!((deep(21).whole, deep(21).unread), (Ok(()), None));
    assert_eq!(deep(22).whole, Ok(()));
    assert_eq!(deep(22).unread, Some(Unread::Page { page: 22, what: "its tree is too deep" }));
}

/// It has more pages than are kept: the memory has its bound, and whether it is whole is known.
#[test]
fn a_database_that_is_too_large_is_not_known() {
    let mut image = small()[..512].to_vec();
    let pages = 30_000_u32;
    image[28..32].copy_from_slice(&pages.to_be_bytes());
    // An interior page with as many children as there is room for, all of them in one cell.
    let mut interior = [0; 512];
    interior[..5].copy_from_slice(&[5, 0, 0, 0, 240]);
    interior[12..492].copy_from_slice(&[1, 0xf0].repeat(240));
    let mut counter = Counter::new(Dialect::Sqlite);
    counter.take(&image);
    (1..pages).for_each(|_| counter.take(&interior));
    assert_eq!(counter.whole(), Ok(()));
    let unread = counter.unread().unwrap();
    // 16 bytes of each page, and 4 of each of 241 children.
    assert_eq!(unread, Unread::ManyPages { pages: (27 << 20) / (16 + 4 * 241) + 1 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// A reader of what is broken says so, or reads something else, and never fails in another way.
    #[test]
    fn no_flipped_byte_is_too_much(at in any::<prop::sample::Index>(), byte in any::<u8>(), more in any::<prop::sample::Index>()) {
        static IMAGE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(small);
        let mut image = IMAGE.clone();
        let (one, two) = (at.index(image.len()), more.index(2000));
        image[one] = byte;
        image[two] ^= byte;
        let known = read(&image, image.len());
        prop_assert_eq!(read(&image, 333), known);
    }
}
