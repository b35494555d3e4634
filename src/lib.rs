//! Dumpcar.
