//! From the URL of a receiver to its service. A problem follows the number of the entry, and never repeats any of it.

use super::receiver::{Login, Mail, MailTls, Receiver, Service};
use super::url::{Parts, encoded};
use crate::config::parse::Parsed;
use crate::secret::Secret;

const UNKNOWN: &str = "has an unknown scheme: paste the https:// URL that the service shows, or write ntfys://, gotifys://, \
                       matrixs://, tgram://, pover://, smtps://, alertmanagers:// or apprises:// (docs/notifications.md)";
const HTTP: &str = "must be a whole URL of the service, like https://example.com/hooks/dumpcar";
const SLACK: &str = "must be like https://hooks.slack.com/services/T…/B…/…";
const DISCORD: &str = "must be like https://discord.com/api/webhooks/ID/TOKEN";
const OFFICE: &str = "is a connector of Office 365, which Microsoft has switched off: make a workflow in Teams (\"Post to a \
                      channel when a webhook request is received\"), and paste its URL";
const NTFY: &str = "must be like ntfys://:TOKEN@ntfy.example.com/TOPIC, or https://ntfy.sh/TOPIC";
const GOTIFY: &str = "must be like gotifys://gotify.example.com/TOKEN";
const MATRIX: &str = "must be like matrixs://:TOKEN@matrix.example.com/!ROOM:example.com, with an access token and the \
                      room's internal ID";
const TELEGRAM: &str = "must be like tgram://123456:TOKEN/CHAT, with one chat";
const PUSHOVER: &str = "must be like pover://USER@TOKEN";
const MAIL: &str =
    "must be like smtps://user:password@mail.example.com?from=dumpcar@example.com&to=me@example.com";
const MAIL_TLS: &str =
    "has a tls that is not known: remove it (STARTTLS is then required), or write tls=off with smtp://";
const MAIL_OPEN: &str = "would send its password without encryption: remove tls=off, or the password";
const ALERTMANAGER: &str = "must be like alertmanager://alertmanager:9093";
const APPRISE: &str = "must be like apprise://apprise:8000/KEY";

/// What is behind a URL.
pub(super) fn receiver(text: &str) -> Parsed<Receiver> {
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("has a character that no URL has: encode it with % (a space is %20)".to_owned());
    }
    let parts = Parts::of(text).ok_or(UNKNOWN)?;
    let scheme = parts.scheme.clone();
    let is_tls = scheme.ends_with('s');
    match scheme.as_str() {
        "http" | "https" => pasted(text, parts),
        "slack" => slack(&parts),
        "discord" => discord(&parts),
        "ntfy" | "ntfys" => ntfy(parts, is_tls),
        "gotify" | "gotifys" => gotify(parts, is_tls),
        "matrix" | "matrixs" => matrix(parts, is_tls),
        "tgram" | "telegram" => telegram(parts),
        "pover" | "pushover" => pushover(&parts),
        "smtp" | "smtps" => mail(parts),
        "alertmanager" | "alertmanagers" => alertmanager(&parts, is_tls),
        "apprise" | "apprises" => apprise(parts, is_tls),
        "mailto" | "mailtos" => Err(MAIL.to_owned()),
        "teams" | "msteams" | "workflows" => {
            Err("must be the https:// URL of a workflow in Teams".to_owned())
        }
        _ => Err(UNKNOWN.to_owned()),
    }
}

/// The URL that a service shows, recognized by its host.
fn pasted(text: &str, parts: Parts<'_>) -> Parsed<Receiver> {
    let (host, _) = parts.host().ok_or(HTTP)?;
    if url::Url::parse(text).is_err() {
        return Err(HTTP.to_owned());
    }
    let host = host.to_ascii_lowercase();
    let is_below = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    let url = Secret::new(text);
    let path: Vec<&str> = parts.path.iter().map(String::as_str).collect();
    let service = if host == "hooks.slack.com" {
        let is_whole = matches!(path.as_slice(), ["services" | "workflows" | "triggers", _, _, ..]);
        Service::Slack { url: is_whole.then_some(url).ok_or(SLACK)? }
    } else if is_below("discord.com") || is_below("discordapp.com") {
        let is_whole = matches!(path.as_slice(), ["api", "webhooks", _, _]);
        Service::Discord { url: is_whole.then_some(url).ok_or(DISCORD)? }
    } else if is_below("webhook.office.com") || host == "outlook.office.com" {
        return Err(OFFICE.to_owned());
    } else if is_below("logic.azure.com")
        || is_below("api.powerplatform.com")
        || is_below("powerautomate.com")
    {
        Service::Teams { url }
    } else if host == "ntfy.sh" {
        return ntfy(parts, text.starts_with("https"));
    } else if host == "api.telegram.org" {
        return telegram_url(parts);
    } else {
        Service::Webhook { url }
    };
    Ok(Receiver { service, host: parts.place.to_owned() })
}

/// `slack://T/B/X` of apprise, and `slack://hook:T-B-X@webhook` of shoutrrr.
fn slack(parts: &Parts<'_>) -> Parsed<Receiver> {
    let tokens: Vec<String> = match (parts.login(), parts.path.as_slice()) {
        (Some((user, token)), []) if user == "hook" && parts.place == "webhook" => {
            token.split('-').map(str::to_owned).collect()
        }
        (_, [second, third]) => vec![parts.place.to_owned(), second.clone(), third.clone()],
        (_, _) => return Err(SLACK.to_owned()),
    };
    let is_token = |token: &String| !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric());
    if tokens.len() != 3 || !tokens.iter().all(is_token) {
        return Err(SLACK.to_owned());
    }
    let url = Secret::new(format!("https://hooks.slack.com/services/{}", tokens.join("/")));
    Ok(Receiver { service: Service::Slack { url }, host: "hooks.slack.com".to_owned() })
}

/// `discord://ID/TOKEN` of apprise, and `discord://TOKEN@ID` of shoutrrr.
fn discord(parts: &Parts<'_>) -> Parsed<Receiver> {
    let (id, token) = match (parts.whole_login(), parts.path.as_slice()) {
        (Some(token), []) => (parts.place, token),
        (_, [token]) => (parts.place, token.clone()),
        (_, _) => return Err(DISCORD.to_owned()),
    };
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_digit()) || token.is_empty() {
        return Err(DISCORD.to_owned());
    }
    let url = Secret::new(format!("https://discord.com/api/webhooks/{id}/{}", encoded(&token)));
    Ok(Receiver { service: Service::Discord { url }, host: "discord.com".to_owned() })
}

fn ntfy(parts: Parts<'_>, is_tls: bool) -> Parsed<Receiver> {
    let (topic, folders) = parts.path.split_last().ok_or(NTFY)?;
    let is_topic = topic.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !is_topic || !parts.query.is_empty() {
        return Err(NTFY.to_owned());
    }
    let server = parts.server(is_tls, folders.len()).ok_or(NTFY)?;
    let service = Service::Ntfy { server, topic: Secret::new(topic), login: login(&parts) };
    Ok(Receiver { service, host: parts.place.to_owned() })
}

fn login(parts: &Parts<'_>) -> Login {
    match parts.login() {
        None => Login::None,
        Some((user, password)) if user.is_empty() => Login::Bearer(Secret::new(password)),
        Some((user, password)) => Login::Basic { user, password: Secret::new(password) },
    }
}

fn gotify(mut parts: Parts<'_>, is_tls: bool) -> Parsed<Receiver> {
    // `/message?token=` is the address in Gotify's own documentation.
    let in_query = parts.take("token");
    if in_query.is_some() && parts.path.last().is_some_and(|last| last == "message") {
        parts.path.pop();
    }
    let token = in_query.or_else(|| parts.path.pop()).filter(|token| !token.is_empty()).ok_or(GOTIFY)?;
    if !parts.query.is_empty() || parts.whole_login().is_some() {
        return Err(GOTIFY.to_owned());
    }
    let server = parts.server(is_tls, parts.path.len()).ok_or(GOTIFY)?;
    let service = Service::Gotify { server, token: Secret::new(token) };
    Ok(Receiver { service, host: parts.place.to_owned() })
}

fn matrix(parts: Parts<'_>, is_tls: bool) -> Parsed<Receiver> {
    // `:TOKEN@`, or `TOKEN@` of apprise. User and password would be a login of shoutrrr's.
    let token = match parts.login().ok_or(MATRIX)? {
        (user, token) if user.is_empty() => token,
        (token, password) if password.is_empty() => token,
        (_, _) => return Err(MATRIX.to_owned()),
    };
    let [room] = parts.path.as_slice() else { return Err(MATRIX.to_owned()) };
    if token.is_empty() || !room.starts_with('!') || !parts.query.is_empty() {
        return Err(MATRIX.to_owned());
    }
    let server = parts.server(is_tls, 0).ok_or(MATRIX)?;
    let service = Service::Matrix { server, token: Secret::new(token), room: room.clone() };
    Ok(Receiver { service, host: parts.place.to_owned() })
}

const TELEGRAM_SERVER: &str = "https://api.telegram.org";

/// `tgram://TOKEN/CHAT` of apprise, and `telegram://TOKEN@telegram?chats=CHAT` of shoutrrr.
fn telegram(mut parts: Parts<'_>) -> Parsed<Receiver> {
    let (token, chat) = match parts.whole_login() {
        Some(token) if parts.place == "telegram" => {
            let chats = parts.take("chats").or_else(|| parts.take("channels"));
            (token, chats.ok_or(TELEGRAM)?)
        }
        _ => match parts.path.as_slice() {
            [chat] => (parts.place.to_owned(), chat.clone()),
            _ => return Err(TELEGRAM.to_owned()),
        },
    };
    let thread = parts.take("thread").or_else(|| parts.take("message_thread_id"));
    telegram_of(TELEGRAM_SERVER.to_owned(), &token, &chat, thread, &parts)
}

/// `https://api.telegram.org/botTOKEN/sendMessage?chat_id=CHAT`.
fn telegram_url(mut parts: Parts<'_>) -> Parsed<Receiver> {
    let [token, method] = parts.path.as_slice() else { return Err(TELEGRAM.to_owned()) };
    let token = token.strip_prefix("bot").filter(|_| method == "sendMessage").ok_or(TELEGRAM)?.to_owned();
    let chat = parts.take("chat_id").ok_or(TELEGRAM)?;
    let thread = parts.take("message_thread_id");
    let server = parts.server(parts.scheme == "https", 0).ok_or(TELEGRAM)?;
    telegram_of(server, &token, &chat, thread, &parts)
}

fn telegram_of(
    server: String,
    token: &str,
    chat: &str,
    thread: Option<String>,
    rest: &Parts<'_>,
) -> Parsed<Receiver> {
    let (number, secret) = token.split_once(':').ok_or(TELEGRAM)?;
    let is_token = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()) && !secret.is_empty();
    let is_plain = secret.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    // A topic of a group: apprise writes it behind a colon.
    let (chat, topic) = chat.split_once(':').unwrap_or((chat, ""));
    let thread = thread.or_else(|| Some(topic.to_owned()).filter(|topic| !topic.is_empty()));
    let thread = match thread.map(|thread| thread.parse()) {
        None => None,
        Some(Ok(thread)) => Some(thread),
        Some(Err(_)) => return Err(TELEGRAM.to_owned()),
    };
    if !is_token || !is_plain || chat.is_empty() || chat.contains(',') || !rest.query.is_empty() {
        return Err(TELEGRAM.to_owned());
    }
    let host = server.trim_start_matches("https://").trim_start_matches("http://").to_owned();
    let service = Service::Telegram { server, token: Secret::new(token), chat: chat.to_owned(), thread };
    Ok(Receiver { service, host })
}

/// `pover://USER@TOKEN` of apprise, and `pushover://shoutrrr:TOKEN@USER` of shoutrrr.
fn pushover(parts: &Parts<'_>) -> Parsed<Receiver> {
    let (user, token) = match (parts.scheme.as_str(), parts.login()) {
        ("pover", Some((user, password))) if password.is_empty() => (user, parts.place.to_owned()),
        ("pushover", Some((_, token))) => (parts.place.to_owned(), token),
        (_, _) => return Err(PUSHOVER.to_owned()),
    };
    let is_key = |key: &str| key.len() == 30 && key.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_key(&user) || !is_key(&token) || !parts.path.is_empty() || !parts.query.is_empty() {
        return Err(PUSHOVER.to_owned());
    }
    let service = Service::Pushover { token: Secret::new(token), user: Secret::new(user) };
    Ok(Receiver { service, host: "api.pushover.net".to_owned() })
}

fn mail(mut parts: Parts<'_>) -> Parsed<Receiver> {
    let (host, port) = parts.host().ok_or(MAIL)?;
    let from = parts.take("from").or_else(|| parts.take("fromaddress")).ok_or(MAIL)?;
    let to = parts.take("to").or_else(|| parts.take("toaddresses")).ok_or(MAIL)?;
    let to: Vec<String> = to.split(',').map(|one| one.trim().to_owned()).collect();
    let asked = parts.take("tls");
    let (tls, usual) = match (parts.scheme.as_str(), asked.as_deref()) {
        ("smtps", None) => (MailTls::Implicit, 465),
        (_, None | Some("required")) => (MailTls::StartTls, 587),
        ("smtp", Some("off")) => (MailTls::Off, 25),
        (_, Some(_)) => return Err(MAIL_TLS.to_owned()),
    };
    if !parts.path.is_empty() || !parts.query.is_empty() || !is_address(&from) {
        return Err(MAIL.to_owned());
    }
    if !to.iter().all(|one| is_address(one)) {
        return Err(MAIL.to_owned());
    }
    let login = parts.login().map(|(user, password)| (user, Secret::new(password)));
    if login.is_some() && tls == MailTls::Off {
        return Err(MAIL_OPEN.to_owned());
    }
    let mail = Mail { host: host.to_owned(), port: port.unwrap_or(usual), tls, login, from, to };
    Ok(Receiver { service: Service::Mail(mail), host: parts.place.to_owned() })
}

/// An address as people have them: no quotes, no comments (RFC 5322 allows more).
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_dotted = |text: &str| !text.split('.').any(str::is_empty);
    let is_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    local.len() <= 64
        && domain.len() <= 253
        && local.chars().all(is_local)
        && domain.chars().all(is_domain)
        && is_dotted(local)
        && domain.split('.').all(|label| (1..=63).contains(&label.len()) && !label.starts_with('-'))
}

fn alertmanager(parts: &Parts<'_>, is_tls: bool) -> Parsed<Receiver> {
    if !parts.query.is_empty() {
        return Err(ALERTMANAGER.to_owned());
    }
    let server = parts.server(is_tls, parts.path.len()).ok_or(ALERTMANAGER)?;
    Ok(Receiver {
        service: Service::Alertmanager { server, login: login(parts) },
        host: parts.place.to_owned(),
    })
}

fn apprise(mut parts: Parts<'_>, is_tls: bool) -> Parsed<Receiver> {
    let key = parts.path.pop().ok_or(APPRISE)?;
    if !parts.query.is_empty() || parts.whole_login().is_some() {
        return Err(APPRISE.to_owned());
    }
    let server = parts.server(is_tls, parts.path.len()).ok_or(APPRISE)?;
    Ok(Receiver { service: Service::Apprise { server, key: Secret::new(key) }, host: parts.place.to_owned() })
}
