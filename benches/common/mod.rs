//! The stages of the pipeline, each ready to be run by itself on the same dump.

mod input;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dumpcar::docker::{Arrives, Docker};
use dumpcar::fuzzing::engine::{Engine, STDOUT, container, frame};
use dumpcar::model::command::Command;
use dumpcar::model::compression::Compression;
use dumpcar::model::content::{Counter, Dialect};
use dumpcar::model::key::BackupKey;
use dumpcar::model::manifest::{ManifestObject, ObjectKind};
use dumpcar::model::parts::MIN_PART;
use dumpcar::pipeline::{self, Progress, stages};
use dumpcar::store::{Place, Store, Upload};
use object_store::memory::InMemory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const MARKER: &str = "dumpcar-0123456789abcdef0123456789abcdef";

/// In the order in which a byte meets them: out of a container into the store, and back.
pub(crate) const STAGES: [&str; 26] = [
    "frames",
    "trailer",
    "hash",
    "count postgresql",
    "count mysql",
    "encode xz:1",
    "encode xz:6",
    "encode zstd:3",
    "encode gzip:6",
    "compress none",
    "compress zstd:3",
    "compress xz:1",
    "transport none",
    "transport zstd:3",
    "upload",
    "dump none",
    "dump zstd:3",
    "dump xz:1",
    "decode xz:1",
    "decode zstd:3",
    "decode gzip:6",
    "decompress zstd:3",
    "feed",
    "restore none",
    "restore zstd:3",
    "restore xz:1",
];

/// A dump, and everything it passes through: an engine to run a command in, a store in memory.
pub(crate) struct Lab {
    runtime: Runtime,
    pieces: Vec<Bytes>,
    bytes: u64,
    store: Store,
    /// Its commands print the dump.
    prints: Docker,
    /// Its commands take the dump.
    takes: Docker,
}

/// Runs a stage once, over the whole dump.
pub(crate) type Run<'a> = Box<dyn FnMut() + 'a>;

impl Lab {
    pub(crate) fn new(runtime: Runtime, bytes: usize) -> Self {
        let pieces = input::postgresql(bytes);
        let bytes = bytes as u64;
        let frames: Vec<Bytes> = pieces.iter().map(|piece| frame(STDOUT, piece).into()).collect();
        let prints = engine(&runtime, move |marker, connection| print(marker, connection, frames.clone()));
        let takes = engine(&runtime, move |marker, connection| take(marker, connection, bytes));
        let place = Place {
            bucket: "bucket".into(),
            prefix: "prefix".into(),
            endpoint: "memory".into(),
            storage_class: None,
            max_parts: 10_000,
            part_size: MIN_PART,
            may_be_write_only: false,
            renews_credentials: false,
            proxy: None,
            upload_share: None,
            download_share: None,
        };
        let store = Store::new(Arc::new(InMemory::new()), place);
        Self { runtime, pieces, bytes, store, prints, takes }
    }

    /// Makes ready for a stage; what is returned is the stage alone. Each says that all of the dump got through.
    pub(crate) fn prepare(&self, stage: &str) -> Run<'_> {
        let (stage, what) = stage.split_once(' ').unwrap_or((stage, ""));
        let compression: Compression = what.parse().unwrap_or(Compression::None);
        match stage {
            "frames" => Box::new(|| self.runtime.block_on(self.frames())),
            "trailer" => {
                let end = Bytes::from(format!("\n{MARKER} 0\n"));
                Box::new(move || {
                    let stream = self.pieces.iter().chain([&end]).cloned();
                    assert_eq!(stages::trailer(MARKER, stream), Ok(self.bytes));
                })
            }
            "hash" => Box::new(|| assert_eq!(stages::hash(&self.pieces).0, self.bytes)),
            "count" if what == "mysql" => {
                let pieces = input::mysql(self.pieces.iter().map(Bytes::len).sum());
                Box::new(move || count(Dialect::Mysql, &pieces))
            }
            "count" => Box::new(|| count(Dialect::Postgresql, &self.pieces)),
            "encode" => Box::new(move || drop(self.encode(compression))),
            "decode" => {
                let stored = self.encode(compression).concat();
                Box::new(move || {
                    let mut bytes = 0;
                    stages::decode(compression, &stored, |out| bytes += out.len() as u64).unwrap();
                    assert_eq!(bytes, self.bytes);
                })
            }
            "compress" => Box::new(move || {
                let work = stages::compress(
                    Arrives::Plain,
                    compression,
                    Some(Dialect::Postgresql),
                    &self.pieces,
                    drop,
                );
                assert_eq!(self.runtime.block_on(work).unwrap().digests.plain_bytes, self.bytes);
            }),
            // As a target compresses it.
            "transport" => {
                let frames = self.encode(Compression::Zstd(3));
                Box::new(move || {
                    let dialect = Some(Dialect::Postgresql);
                    let work = stages::compress(Arrives::Zstd, compression, dialect, &frames, drop);
                    assert_eq!(self.runtime.block_on(work).unwrap().digests.plain_bytes, self.bytes);
                })
            }
            "decompress" => {
                let stored = self.encode(compression);
                Box::new(move || {
                    let work = stages::decompress(compression, &stored, drop);
                    assert_eq!(self.runtime.block_on(work).unwrap().plain_bytes, self.bytes);
                })
            }
            "upload" => Box::new(|| self.runtime.block_on(self.upload())),
            "dump" => Box::new(move || drop(self.runtime.block_on(self.dump(compression)))),
            "feed" => Box::new(|| self.runtime.block_on(self.feed())),
            "restore" => {
                let object = self.runtime.block_on(self.dump(compression));
                Box::new(move || self.runtime.block_on(self.restore(&object)))
            }
            _ => panic!("there is no stage {stage:?}"),
        }
    }

    /// From the socket to pieces of the dump.
    async fn frames(&self) {
        let mut exec = self.prints.exec(&container(), &Command::default()).await.unwrap();
        let mut bytes = 0;
        while let Some(piece) = exec.next(Duration::from_secs(60)).await.unwrap() {
            bytes += piece.len() as u64;
        }
        assert_eq!(bytes, self.bytes);
    }

    fn encode(&self, compression: Compression) -> Vec<Bytes> {
        let mut stored = Vec::new();
        stages::encode(compression, &self.pieces, |out| stored.push(Bytes::copy_from_slice(out))).unwrap();
        stored
    }

    async fn upload(&self) {
        let mut upload = self.store.upload("upload", None);
        for piece in &self.pieces {
            upload.write(piece.clone()).await.unwrap();
        }
        self.commit(upload).await;
    }

    async fn commit(&self, upload: Upload) -> u64 {
        upload.commit(&CancellationToken::new()).await.unwrap()
    }

    /// All of it: from the socket into the store.
    async fn dump(&self, compression: Compression) -> ManifestObject {
        let name = format!("shop.sql{}", compression.extension());
        let mut exec = self.prints.exec(&container(), &Command::default()).await.unwrap();
        let mut upload = self.store.upload(&key().object(&name), None);
        let (dialect, silence) = (Some(Dialect::Postgresql), Duration::from_secs(60));
        let check = |_: &_| Ok(());
        let progress = Progress::default();
        let made = pipeline::dump(&mut exec, &mut upload, compression, dialect, silence, check, &progress);
        let digests = made.await.unwrap().digests;
        assert_eq!(digests.plain_bytes, self.bytes);
        assert_eq!(digests.stored_bytes, self.commit(upload).await);
        ManifestObject {
            name,
            kind: ObjectKind::Database,
            database: Some("shop".into()),
            options: None,
            format: "sql".into(),
            encoding: compression.into(),
            plain_bytes: digests.plain_bytes,
            plain_sha256: digests.plain_sha256,
            stored_bytes: digests.stored_bytes,
            stored_sha256: digests.stored_sha256,
            content: None,
        }
    }

    /// From pieces of the dump into the socket.
    async fn feed(&self) {
        let mut feed =
            self.takes.feed(&container(), &Command::default(), self.bytes, Arrives::Plain).await.unwrap();
        for piece in &self.pieces {
            feed.write(piece.clone()).await.unwrap();
        }
        feed.finish().await.unwrap();
    }

    /// All of it: from the store into the socket.
    async fn restore(&self, object: &ManifestObject) {
        let mut feed =
            self.takes.feed(&container(), &Command::default(), self.bytes, Arrives::Plain).await.unwrap();
        let (check, progress) = (|_: &_| Ok(()), Progress::default());
        pipeline::restore(
            &self.store,
            &key(),
            object,
            &mut feed,
            Option::unwrap_or_default,
            check,
            &progress,
        )
        .await
        .unwrap();
    }
}

fn key() -> BackupKey {
    BackupKey { target: "shop".parse().unwrap(), stamp: "2026-11-23T23-00-00Z".parse().unwrap() }
}

fn count(dialect: Dialect, pieces: &[Bytes]) {
    let mut counter = Counter::new(dialect);
    pieces.iter().for_each(|piece| counter.take(piece));
    assert!(counter.end().rows > 1000);
}

/// An engine whose commands do this, and a client of it.
fn engine<C>(runtime: &Runtime, run: impl FnMut(String, UnixStream) -> C + Send + 'static) -> Docker
where
    C: Future<Output = io::Result<()>> + Send + 'static,
{
    let engine = {
        let _entered = runtime.enter();
        Engine::new().unwrap()
    };
    let docker = engine.docker();
    runtime.spawn(async move { engine.serve(run).await });
    docker
}

/// A command that prints the dump.
async fn print(marker: String, mut connection: UnixStream, frames: Vec<Bytes>) -> io::Result<()> {
    for frame in frames {
        connection.write_all(&frame).await?;
    }
    end(&marker, connection).await
}

/// A command that takes the dump, under the wrapper that says so.
async fn take(marker: String, mut connection: UnixStream, bytes: u64) -> io::Result<()> {
    tokio::io::copy(&mut (&mut connection).take(bytes), &mut tokio::io::sink()).await?;
    connection.write_all(&frame(STDOUT, b"fed\n")).await?;
    connection.read_u8().await?;
    end(&marker, connection).await
}

async fn end(marker: &str, mut connection: UnixStream) -> io::Result<()> {
    connection.write_all(&frame(STDOUT, format!("\n{marker} 0\n").as_bytes())).await?;
    connection.shutdown().await?;
    connection.read_to_end(&mut Vec::new()).await.map(drop)
}
