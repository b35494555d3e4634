use super::*;

fn read(text: &str) -> Result<Vec<String>, String> {
    receivers(text).map(|receivers| receivers.iter().map(|one| format!("{one} {}", inside(one))).collect())
}

/// Everything of a receiver, secrets included.
fn inside(receiver: &Receiver) -> String {
    let login = |login: &Login| match login {
        Login::None => String::new(),
        Login::Bearer(token) => format!(" bearer {}", token.expose()),
        Login::Basic { user, password } => format!(" {user} {}", password.expose()),
    };
    match &receiver.service {
        Service::Slack { url }
        | Service::Discord { url }
        | Service::Teams { url }
        | Service::Webhook { url } => url.expose().to_owned(),
        Service::Ntfy { server, topic, login: by } => format!("{server} {}{}", topic.expose(), login(by)),
        Service::Gotify { server, token } => format!("{server} {}", token.expose()),
        Service::Matrix { server, token, room } => format!("{server} {} {room}", token.expose()),
        Service::Telegram { server, token, chat, thread } => {
            format!("{server} {} {chat} {thread:?}", token.expose())
        }
        Service::Pushover { token, user } => format!("{} {}", token.expose(), user.expose()),
        Service::Mail(Mail { host, port, tls, login, from, to }) => {
            let login = login.as_ref().map(|(user, password)| format!("{user} {}", password.expose()));
            format!("{host} {port} {tls:?} {login:?} {from} {to:?}")
        }
        Service::Alertmanager { server, login: by } => format!("{server}{}", login(by)),
        Service::Apprise { server, key } => format!("{server} {}", key.expose()),
    }
}

const USER: &str = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG";
const TOKEN: &str = "azGDORePK8gMaC0QOYAMyEEuzJnyUi";

#[test]
fn a_pasted_url_is_recognized_by_its_host() {
    for (text, expected) in [
        (
            "https://hooks.slack.com/services/T0/B0/x",
            "slack hooks.slack.com https://hooks.slack.com/services/T0/B0/x",
        ),
        (
            "https://discord.com/api/webhooks/12/a-b",
            "discord discord.com https://discord.com/api/webhooks/12/a-b",
        ),
        (
            "https://ptb.discord.com/api/webhooks/12/a",
            "discord ptb.discord.com https://ptb.discord.com/api/webhooks/12/a",
        ),
        (
            "https://prod-01.westeurope.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=x",
            "teams prod-01.westeurope.logic.azure.com:443 https://prod-01.westeurope.logic.azure.com:443/workflows/a/triggers/manual/paths/invoke?sig=x",
        ),
        (
            "https://d.environment.api.powerplatform.com/powerautomate/a?sig=x",
            "teams d.environment.api.powerplatform.com https://d.environment.api.powerplatform.com/powerautomate/a?sig=x",
        ),
        ("https://ntfy.sh/my_topic", "ntfy ntfy.sh https://ntfy.sh my_topic"),
        (
            "https://api.telegram.org/bot1:a/sendMessage?chat_id=-5",
            "telegram api.telegram.org https://api.telegram.org 1:a -5 None",
        ),
        (
            "https://u:p@example.com:8443/hook?x=y",
            "webhook example.com:8443 https://u:p@example.com:8443/hook?x=y",
        ),
        // No host of those.
        (
            "https://hooks.slack.com.example.com/services/a/b",
            "webhook hooks.slack.com.example.com https://hooks.slack.com.example.com/services/a/b",
        ),
        (
            "http://notdiscord.com/api/webhooks/1/2",
            "webhook notdiscord.com http://notdiscord.com/api/webhooks/1/2",
        ),
    ] {
        assert_eq!(read(text).unwrap(), [expected], "{text}");
    }
}

#[test]
fn each_scheme_and_the_spelling_of_other_tools_is_read() {
    let pover = format!("pushover api.pushover.net {TOKEN} {USER}");
    for (text, expected) in [
        (
            "ntfys://:tk_x@ntfy.example.com/alerts",
            "ntfy ntfy.example.com https://ntfy.example.com alerts bearer tk_x",
        ),
        ("ntfy://me:p%40ss@ntfy:8080/sub/alerts", "ntfy ntfy:8080 http://ntfy:8080/sub alerts me p@ss"),
        (
            "gotifys://gotify.example.com/sub/Axyz",
            "gotify gotify.example.com https://gotify.example.com/sub Axyz",
        ),
        ("gotify://gotify:80/message?token=Axyz", "gotify gotify:80 http://gotify:80 Axyz"),
        (
            "matrixs://:syt_x@m.example.com/!r:example.com",
            "matrix m.example.com https://m.example.com syt_x !r:example.com",
        ),
        ("matrix://syt_x@m:8008/%21r:example.com", "matrix m:8008 http://m:8008 syt_x !r:example.com"),
        ("tgram://12:a-b/-100:7", "telegram api.telegram.org https://api.telegram.org 12:a-b -100 Some(7)"),
        (
            "telegram://12:a-b@telegram?chats=@me",
            "telegram api.telegram.org https://api.telegram.org 12:a-b @me None",
        ),
        ("slack://T0/B0/x", "slack hooks.slack.com https://hooks.slack.com/services/T0/B0/x"),
        ("slack://hook:T0-B0-x@webhook", "slack hooks.slack.com https://hooks.slack.com/services/T0/B0/x"),
        ("discord://a-b@12", "discord discord.com https://discord.com/api/webhooks/12/a-b"),
        ("discord://12/a-b", "discord discord.com https://discord.com/api/webhooks/12/a-b"),
        (&format!("pover://{USER}@{TOKEN}"), &pover),
        (&format!("pushover://shoutrrr:{TOKEN}@{USER}/"), &pover),
        (
            "smtps://me%40x.org:p@mail.x.org?from=a@x.org&to=b@x.org,c@x.org",
            r#"mail mail.x.org mail.x.org 465 Implicit Some("me@x.org p") a@x.org ["b@x.org", "c@x.org"]"#,
        ),
        ("smtp://mail/?from=a@x.org&to=b@x.org", r#"mail mail mail 587 StartTls None a@x.org ["b@x.org"]"#),
        (
            "smtp://mail:2525?from=a@x.org&to=b@x.org&tls=off",
            r#"mail mail:2525 mail 2525 Off None a@x.org ["b@x.org"]"#,
        ),
        ("alertmanager://me:p@am:9093/sub", "alertmanager am:9093 http://am:9093/sub me p"),
        ("apprises://apprise.example.com/k", "apprise apprise.example.com https://apprise.example.com k"),
    ] {
        assert_eq!(read(text).unwrap(), [expected], "{text}");
    }
}

#[test]
fn several_are_separated_by_lines_spaces_and_commas_that_are_no_part_of_one() {
    let text = "https://a.example.com/x\n\n  https://b.example.com/y,https://c.example.com/z?l=1,2 \
                smtp://m?from=a@x.org&to=b@x.org,c@x.org,\r\nntfy://n/t";
    assert_eq!(read(text).unwrap().len(), 5);
}

#[test]
fn a_wrong_one_is_named_by_its_number_and_with_the_cure() {
    let problem = receivers("https://a.example.com/x gotify://hunter2/ tgram://hunter2/1").unwrap_err();
    assert_eq!(
        problem,
        "entry 2 must be like gotifys://gotify.example.com/TOKEN; entry 3 must be like tgram://123456:TOKEN/CHAT, with one chat"
    );
    for wrong in [
        "hunter2",
        "hunter2://x",
        "https://",
        "https://hunter2:x/y",
        "https:///hunter2",
        "https://h:0/hunter2",
        "https://hooks.slack.com/hunter2",
        "https://discord.com/hunter2",
        "https://x.webhook.office.com/hunter2",
        "slack://hunter2",
        "slack://a/b/hunter-2",
        "discord://hunter2/x",
        "ntfy://h",
        "ntfy://h/hunter2!",
        "ntfys://h/t?hunter2",
        "gotify://u:hunter2@h/x",
        "matrixs://u:hunter2@h/!r",
        "matrixs://:hunter2@h/#r",
        "matrixs://h/!hunter2",
        "tgram://1:hunter2/",
        "telegram://1:hunter2@telegram?chats=1,2",
        "tgram://1:hunter2/5?x=1",
        "pover://hunter2@x",
        "smtp://u:hunter2@h?from=a@b",
        "smtp://u:hunter2@h?from=hunter2&to=a@b.org",
        "smtps://h?from=a@b.org&to=c@d.org&tls=off",
        "smtp://u:hunter2@h?from=a@b.org&to=c@d.org&tls=off",
        "smtp://h?from=a@b.org&to=c@d.org&auth=hunter2",
        "mailto://u:hunter2@gmail.com",
        "teams://hunter2",
        "alertmanager://h?hunter2",
        "apprise://h",
        "apprise://u:hunter2@h/k",
        "generic://hunter2",
        "json://hunter2",
        "https://h/\u{202e}hunter2",
    ] {
        let problem = receivers(wrong).unwrap_err();
        assert!(problem.starts_with("entry 1 "), "{wrong}: {problem}");
        assert!(!problem.contains("hunter"), "{wrong}: {problem}");
    }
    let open = receivers("smtp://u:hunter2@h?from=a@b.org&to=c@d.org&tls=off").unwrap_err();
    let wanted = "would send its password without encryption: remove tls=off, or the password";
    assert!(open.ends_with(wanted), "{open}");
}

#[test]
fn nothing_of_a_receiver_is_printed_but_its_host() {
    let all = "https://h.example.com/hunter2 ntfys://:hunter2@h.example.com/hunter2 smtps://u:hunter2@h.example.com?from=a@b.org&to=c@d.org \
               gotify://h.example.com/hunter2 discord://1/hunter2 tgram://1:hunter2/5 apprise://h.example.com/hunter2";
    let receivers = receivers(all).unwrap();
    assert_eq!(receivers.len(), 7);
    assert!(!format!("{receivers:?}").contains("hunter2"), "{receivers:?}");
    assert!(receivers.iter().all(|one| !one.to_string().contains("hunter2")));
    let ping = PingUrl::parse("https://hc-ping.com/hunter2").unwrap();
    assert_eq!((ping.host(), format!("{ping:?}").contains("hunter2")), ("hc-ping.com", false));
}

#[test]
fn an_address_for_pings_is_the_one_that_the_service_shows() {
    for (text, style, url) in [
        ("https://hc-ping.com/uuid", PingStyle::Healthchecks, "https://hc-ping.com/uuid"),
        ("https://hc.example.com/ping/uuid/", PingStyle::Healthchecks, "https://hc.example.com/ping/uuid"),
        (
            "https://hc-ping.com/key/slug?create=1",
            PingStyle::Healthchecks,
            "https://hc-ping.com/key/slug?create=1",
        ),
        (
            "http://kuma:3001/api/push/abc?status=up&msg=OK&ping=",
            PingStyle::UptimeKuma,
            "http://kuma:3001/api/push/abc",
        ),
    ] {
        let ping = PingUrl::parse(text).unwrap();
        assert_eq!((ping.style(), ping.url().expose()), (style, url), "{text}");
    }
    for wrong in
        ["hunter2", "https://hc-ping.com", "ftp://h/hunter2", "https://h:x/hunter2", "https://h/hunter2/fail"]
    {
        let problem = PingUrl::parse(wrong).unwrap_err();
        assert!(problem.starts_with("must ") && !problem.contains("hunter2"), "{wrong}: {problem}");
    }
    let problem = PingUrl::parse("https://hc-ping.com/uuid/start").unwrap_err();
    assert_eq!(problem, "must not end in /start, /fail or /log: Dumpcar appends them");
}

#[test]
fn occasions_are_words_in_any_order() {
    let read = |text| occasions(text).map(|on| show_occasions(&on));
    assert_eq!(read("digest, Failure").unwrap(), "failure,digest");
    assert_eq!(read("success").unwrap(), "success");
    for wrong in ["", ",", "all", "failure;success"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
