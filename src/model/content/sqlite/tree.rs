//! From a root to its rows, once all pages have come.

use super::cell::Kind;
use super::pages::{Pages, Spilled};
use crate::model::content::rows::{chain, mix};
use crate::model::content::{Fingerprint, Rows, Unread};

/// SQLite reads no deeper tree (`BTCURSOR_MAX_DEPTH` in `btreeInt.h`).
const DEEPEST: usize = 20;

/// Walks along the trees of a database. No two have a page in common.
pub(super) struct Walk<'a> {
    pages: &'a Pages,
    /// A bit for each page that was reached.
    reached: Vec<u64>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(pages: &'a Pages) -> Self {
        Self { pages, reached: vec![0; pages.count() as usize / 64 + 1] }
    }

    fn reach(&mut self, page: u32) -> Result<(), Unread> {
        let mark = self.reached.get_mut(page as usize / 64);
        let Some(mark) = mark.filter(|_| (1..=self.pages.count()).contains(&page)) else {
            return Err(Unread::Page { page, what: "it is out of the database" });
        };
        let bit = 1 << (page % 64);
        if *mark & bit != 0 {
            return Err(Unread::Page { page, what: "it belongs to two others" });
        }
        *mark |= bit;
        Ok(())
    }

    /// The rows of the tree. Its pages are told to `visit` as they are reached.
    pub(super) fn rows(
        &mut self,
        root: u32,
        mut visit: impl FnMut(u32, Kind) -> Result<(), Unread>,
    ) -> Result<Rows, Unread> {
        let (pages, mut all) = (self.pages, Rows::default());
        let is_table = pages.get(root).is_some_and(|page| page.kind.is_table());
        // Interior pages on the way to the page, each with its child that is next.
        let mut way: Vec<(u32, usize)> = Vec::with_capacity(DEEPEST);
        let mut next = Some(root);
        while let Some(number) = next {
            self.reach(number)?;
            let of_tree = pages.get(number).filter(|page| match is_table {
                true => page.kind.is_table(),
                false => page.kind.is_index(),
            });
            let Some(page) = of_tree else {
                return Err(Unread::Page { page: number, what: "it is no page of a table" });
            };
            visit(number, page.kind)?;
            all.rows = all.rows.saturating_add(page.rows.into());
            all.sum = Fingerprint(all.sum.0.wrapping_add(page.sum));
            for row in pages.spilled(number) {
                self.reach_chain(row)?;
                let hash =
                    pages.chain(row.first, row.pages).fold(row.hash, |hash, (_, digest)| chain(hash, digest));
                all.sum = Fingerprint(all.sum.0.wrapping_add(mix(hash)));
            }
            if page.kind.is_interior() {
                way.push((number, 0));
                if way.len() > DEEPEST {
                    return Err(Unread::Page { page: number, what: "its tree is too deep" });
                }
            }
            next = self.next(&mut way);
        }
        Ok(all)
    }

    fn next(&self, way: &mut Vec<(u32, usize)>) -> Option<u32> {
        while let Some((parent, place)) = way.last_mut() {
            let child = self.pages.child(*parent, *place);
            *place += 1;
            if child.is_some() {
                return child;
            }
            way.pop();
        }
        None
    }

    fn reach_chain(&mut self, row: Spilled) -> Result<(), Unread> {
        let mut next = row.first;
        for _ in 0..row.pages {
            self.reach(next)?;
            let page = self.pages.get(next).filter(|page| page.kind == Kind::Overflow);
            let Some(following) = page.and_then(|_| self.pages.child(next, 0)) else {
                return Err(Unread::Page { page: next, what: "it is no part of a row" });
            };
            next = following;
        }
        Ok(())
    }
}
