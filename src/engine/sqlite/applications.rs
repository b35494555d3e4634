//! Where applications have their databases, by their own documentation.
//!
//! The paths are those of the images as their authors publish them; an application that was told another one has the label.

/// An image, by the end of its name without the tag, and patterns for the paths of its databases.
const APPLICATIONS: [(&str, &[&str]); 17] = [
    ("vaultwarden/server", &["/data/db.sqlite3"]),
    ("louislam/uptime-kuma", &["/app/data/kuma.db"]),
    // The second one is that of the images without root.
    ("gitea/gitea", &["/data/gitea/gitea.db", "/var/lib/gitea/data/gitea.db"]),
    (
        "forgejo/forgejo",
        &["/data/gitea/gitea.db", "/var/lib/gitea/data/gitea.db", "/var/lib/gitea/data/forgejo.db"],
    ),
    ("homeassistant/home-assistant", &["/config/home-assistant_v2.db"]),
    ("home-assistant/home-assistant", &["/config/home-assistant_v2.db"]),
    ("linuxserver/homeassistant", &["/config/home-assistant_v2.db"]),
    ("grafana/grafana", &["/var/lib/grafana/grafana.db"]),
    ("grafana/grafana-oss", &["/var/lib/grafana/grafana.db"]),
    ("grafana/grafana-enterprise", &["/var/lib/grafana/grafana.db"]),
    ("linuxserver/sonarr", &["/config/sonarr.db"]),
    ("linuxserver/radarr", &["/config/radarr.db"]),
    ("linuxserver/prowlarr", &["/config/prowlarr.db"]),
    ("linuxserver/lidarr", &["/config/lidarr.db"]),
    ("jc21/nginx-proxy-manager", &["/data/database.sqlite"]),
    ("n8nio/n8n", &["/home/node/.n8n/database.sqlite"]),
    ("gotify/server", &["/data/gotify.db", "/app/data/gotify.db"]),
];

/// Those of `image`, as a container was started with it.
pub(super) fn paths(image: &str) -> &'static [&'static str] {
    let without_digest = image.split('@').next().unwrap_or_default();
    // A colon behind the last slash is a tag's, one before it a port's.
    let start = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    let (host, last) = without_digest.split_at(start);
    let name = format!("{host}{}", last.split(':').next().unwrap_or_default());
    let is_of = |end: &str| name == end || name.ends_with(&format!("/{end}"));
    APPLICATIONS.iter().find(|(end, _)| is_of(end)).map(|(_, paths)| *paths).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::helper::is_file_path;

    #[test]
    fn an_application_is_known_by_its_image() {
        for image in [
            "vaultwarden/server",
            "vaultwarden/server:1.35-alpine",
            "registry.example:5000/vaultwarden/server@sha256:00",
            "ghcr.example/mirror/vaultwarden/server:latest",
        ] {
            assert_eq!(paths(image), ["/data/db.sqlite3"], "{image}");
        }
        for image in ["", "server", "myvaultwarden/server", "vaultwarden/server-x", "postgres:17"] {
            assert!(paths(image).is_empty(), "{image}");
        }
        assert!(APPLICATIONS.iter().flat_map(|(_, paths)| *paths).all(|path| is_file_path(path)));
    }
}
