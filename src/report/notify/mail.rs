//! E-mail by SMTP: a connection for each message.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::fit::{Room, Unit, plain};
use super::message::Message;
use crate::causes::chain;
use crate::config::{Mail, MailTls};
use crate::report::outgoing::{Answer, Network, Refusal, redacted};

/// The longest a mail server takes for all of a message.
const LIMIT: Duration = Duration::from_secs(30);

const TEXT: Room = Room { most: 64 * 1024, unit: Unit::Bytes, escape: plain };
const SUBJECT: Room = Room { most: 200, ..TEXT };

/// Tells other programs that nobody waits for an answer (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Sends a message once.
pub(super) async fn send(message: &Message, mail: &Mail, network: &Network) -> Result<Answer, Refusal> {
    let (letter, transport) = match (letter(message, mail), transport(message, mail, network)) {
        (Ok(letter), Ok(transport)) => (letter, transport),
        (Err(reason), _) | (_, Err(reason)) => return Err(Refusal::lasting(reason)),
    };
    match tokio::time::timeout(LIMIT, transport.send(letter)).await {
        Ok(Ok(answer)) => {
            let said: Vec<&str> = answer.message().collect();
            Ok(Answer {
                said: redacted(&format!("{} {}", answer.code(), said.join(" ")), &secrets(mail)),
                body_limit: None,
            })
        }
        Ok(Err(error)) => Err(refusal(&error, mail)),
        Err(_) => Err(Refusal::passing(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

fn letter(message: &Message, mail: &Mail) -> Result<lettre::Message, String> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|_| "an address is wrong".to_owned());
    let body = format!("{}\n", TEXT.lines(&message.lines()));
    let to =
        mail.to.iter().try_fold(
            lettre::Message::builder().from(mailbox(&mail.from)?),
            |builder: MessageBuilder, to| Ok::<_, String>(builder.to(mailbox(to)?)),
        )?;
    let domain = mail.from.rsplit('@').next().unwrap_or_default();
    to.subject(SUBJECT.line(&message.title))
        .date(SystemTime::from(message.at))
        // Sent again, it is the same message.
        .message_id(Some(format!("<{}@{domain}>", message.id)))
        .header(AutoSubmitted)
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|error| format!("the message cannot be written: {error}"))
}

fn transport(
    message: &Message,
    mail: &Mail,
    network: &Network,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match mail.tls {
        MailTls::Off => Tls::None,
        MailTls::StartTls => Tls::Required(parameters(mail, network)?),
        MailTls::Implicit => Tls::Wrapper(parameters(mail, network)?),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let named = !message.instance.is_empty() && message.instance.chars().all(is_name);
    let hello = if named { message.instance.clone() } else { "localhost".to_owned() };
    let transport =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(mail.host.trim_matches(['[', ']']))
            .port(mail.port)
            .tls(tls)
            .hello_name(ClientId::Domain(hello))
            .timeout(Some(LIMIT));
    Ok(match &mail.login {
        None => transport,
        Some((user, password)) => {
            transport.credentials(Credentials::new(user.clone(), password.expose().to_owned()))
        }
    }
    .build())
}

/// The certificates that HTTP trusts, too: an image without any has no others.
fn parameters(mail: &Mail, network: &Network) -> Result<TlsParameters, String> {
    let wrong = |error: Error| format!("a certificate cannot be used: {error}");
    let mut tls = TlsParameters::builder(mail.host.trim_matches(['[', ']']).to_owned())
        .certificate_store(CertificateStore::None);
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        tls = tls.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(wrong)?);
    }
    if let Some(pem) = &network.pem {
        tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(wrong)?);
    }
    tls.build().map_err(wrong)
}

fn refusal(error: &Error, mail: &Mail) -> Refusal {
    let said = redacted(&chain(error), &secrets(mail));
    let needs_tls = error.is_client() && mail.tls == MailTls::StartTls && !error.is_tls();
    let hint = match needs_tls && said.contains("STARTTLS") {
        true => " (use smtps://, or tls=off if the server is in a network of your own)",
        false => "",
    };
    Refusal {
        reason: format!("{said}{hint}"),
        may_pass: !error.is_permanent() && !error.is_client(),
        after: None,
        status: None,
    }
}

/// What a server may repeat, as it was sent.
fn secrets(mail: &Mail) -> Vec<String> {
    use base64::Engine as _;
    let Some((user, password)) = &mail.login else { return Vec::new() };
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let password = password.expose();
    vec![
        user.clone(),
        password.to_owned(),
        encoded(user),
        encoded(password),
        encoded(&format!("\0{user}\0{password}")),
    ]
}
