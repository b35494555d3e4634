//! A mail server: as much of SMTP (RFC 5321) as a client uses to hand in a message, with STARTTLS and AUTH PLAIN.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A message, as it was handed in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Letter {
    pub(crate) hello: String,
    /// `user:password`, where somebody has logged in.
    pub(crate) login: Option<String>,
    pub(crate) is_encrypted: bool,
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

impl Letter {
    /// A header, unfolded.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
    }

    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

#[derive(Clone, Default)]
struct Rules {
    tls: Option<TlsAcceptor>,
    /// The only one that is let in; without one, everybody is.
    login: Option<&'static str>,
    /// What is answered to a recipient.
    refusal: Option<&'static str>,
}

pub(crate) struct FakeMailServer {
    pub(crate) port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl FakeMailServer {
    pub(crate) async fn start(
        tls: Option<TlsAcceptor>,
        login: Option<&'static str>,
        refusal: Option<&'static str>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let (kept, rules) = (Arc::clone(&letters), Rules { tls, login, refusal });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, rules) = (Arc::clone(&kept), rules.clone());
                tokio::spawn(async move { serve(stream, &kept, rules).await });
            }
        });
        Self { port, letters }
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, kept: &Mutex<Vec<Letter>>, rules: Rules) -> Option<()> {
    let mut plain = BufStream::new(stream);
    plain.write_all(b"220 mail.example.com\r\n").await.ok()?;
    let letter = Letter::default();
    if !talk(&mut plain, kept, &rules, letter.clone()).await? {
        return Some(());
    }
    let acceptor = rules.tls.clone()?;
    let mut encrypted = BufStream::new(acceptor.accept(plain.into_inner()).await.ok()?);
    let rules = Rules { tls: None, ..rules };
    talk(&mut encrypted, kept, &rules, Letter { is_encrypted: true, ..letter }).await.map(drop)
}

/// Returns whether the client wants to go on in TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    kept: &Mutex<Vec<Letter>>,
    rules: &Rules,
    mut letter: Letter,
) -> Option<bool> {
    loop {
        stream.flush().await.ok()?;
        let line = line(stream).await?;
        let (verb, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                rest.trim().clone_into(&mut letter.hello);
                let tls = if rules.tls.is_some() { "250-STARTTLS\r\n" } else { "" };
                format!("250-mail.example.com\r\n250-8BITMIME\r\n{tls}250 AUTH PLAIN")
            }
            "STARTTLS" => {
                stream.write_all(b"220 go ahead\r\n").await.ok()?;
                stream.flush().await.ok()?;
                return Some(true);
            }
            "AUTH" => {
                let given = rest.split(' ').next_back().unwrap();
                let given = base64::engine::general_purpose::STANDARD.decode(given).unwrap();
                let given = String::from_utf8(given).unwrap().trim_start_matches('\0').replace('\0', ":");
                let is_right = rules.login.is_none_or(|right| right == given);
                let answer =
                    if is_right { "235 welcome".to_owned() } else { format!("535 not {rest}, {given}") };
                letter.login = Some(given);
                answer
            }
            "MAIL" => {
                rest.clone_into(&mut letter.from);
                "250 ok".to_owned()
            }
            "RCPT" => {
                letter.to.push(rest.to_owned());
                rules.refusal.unwrap_or("250 ok").to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await.ok()?;
                stream.flush().await.ok()?;
                letter.text = text(stream).await?;
                kept.lock().unwrap().push(letter.clone());
                "250 queued as 4711".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok()?;
                stream.flush().await.ok()?;
                return Some(false);
            }
            _ => "502 what?".to_owned(),
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}

async fn line<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

/// Up to the line with a single dot.
async fn text<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufStream<S>) -> Option<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == ".\r\n" {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
