//! Each request, and who does it.

use std::io::{Read, Write};

use super::failure::Failure;
use super::sqlite;
use crate::model::helper::Request;

pub(super) fn work(request: &Request, input: &mut dyn Read, output: &mut dyn Write) -> Result<(), Failure> {
    match request {
        Request::Survey { patterns, is_guess } => sqlite::survey(patterns, *is_guess, output),
        Request::Dump { path } => sqlite::dump(path, output),
        Request::Load(staged) => sqlite::load(staged, input),
        Request::Swap { files } => sqlite::swap(files),
        Request::Swapped { files } => sqlite::swapped(files),
        Request::Remove { folder, starts } => sqlite::remove(folder, starts),
        Request::Drop { path } => sqlite::drop_database(path),
        Request::Query { path, query } => sqlite::query(path, query, output),
    }
}
