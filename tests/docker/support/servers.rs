//! The database servers, and what their stock clients do with them.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use super::docker::{Container, image, until};
use super::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgresql,
    Mariadb,
    Mysql,
}

/// One of the images.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) kind: Kind,
    pub(crate) version: &'static str,
    pub(crate) variable: &'static str,
    default: &'static str,
}

pub(crate) const POSTGRESQL_15: Product = Product {
    kind: Kind::Postgresql,
    version: "15.",
    variable: "DUMPCAR_TEST_POSTGRES15",
    default: "dumpcar-test/postgres:15",
};
pub(crate) const POSTGRESQL_17: Product = Product {
    kind: Kind::Postgresql,
    version: "17.",
    variable: "DUMPCAR_TEST_POSTGRES17",
    default: "dumpcar-test/postgres:17",
};
pub(crate) const MARIADB_10_11: Product = Product {
    kind: Kind::Mariadb,
    version: "10.11.",
    variable: "DUMPCAR_TEST_MARIADB1011",
    default: "dumpcar-test/mariadb:10.11",
};
pub(crate) const MARIADB_11_8: Product = Product {
    kind: Kind::Mariadb,
    version: "11.8.",
    variable: "DUMPCAR_TEST_MARIADB118",
    default: "dumpcar-test/mariadb:11.8",
};
pub(crate) const MYSQL_9_7: Product = Product {
    kind: Kind::Mysql,
    version: "9.",
    variable: "DUMPCAR_TEST_MYSQL97",
    default: "dumpcar-test/mysql:9.7",
};

const CONTENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docker/content/.");

impl Product {
    pub(crate) fn image(self) -> String {
        image(self.variable, self.default)
    }

    pub(crate) fn data(self) -> &'static str {
        match self.kind {
            Kind::Postgresql => "/var/lib/postgresql/data",
            Kind::Mariadb | Kind::Mysql => "/var/lib/mysql",
        }
    }

    pub(crate) fn password_variable(self) -> &'static str {
        match self.kind {
            Kind::Postgresql => "POSTGRES_PASSWORD",
            Kind::Mariadb => "MARIADB_ROOT_PASSWORD",
            Kind::Mysql => "MYSQL_ROOT_PASSWORD",
        }
    }
}

/// A server whose administrator has this password.
pub(crate) struct Server {
    pub(crate) product: Product,
    pub(crate) container: Container,
    password: String,
}

impl Server {
    /// One that is not a target, and answers.
    pub(crate) fn plain(product: Product, password: &str) -> Self {
        Self::started(product, password, &[]).wait()
    }

    /// One that is a target with these labels, and answers.
    pub(crate) fn target(world: &World, product: Product, password: &str, labels: &[(&str, &str)]) -> Self {
        Self::started(product, password, &world.labels(labels)).wait()
    }

    /// A target that is started with these arguments of the server.
    pub(crate) fn set_up(
        world: &World,
        product: Product,
        password: &str,
        labels: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        let env = format!("{}={password}", product.password_variable());
        let labels = world.labels(labels);
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        let args =
            [&["--tmpfs", product.data(), "-e", &env], labels.as_slice(), &[&product.image()], arguments];
        Self { product, container: Container::run(&args.concat()), password: password.to_owned() }.wait()
    }

    /// Does not wait until it answers.
    pub(crate) fn started(product: Product, password: &str, args: &[String]) -> Self {
        let env = format!("{}={password}", product.password_variable());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        Self::with(product, password, &[&["-e", &env], args.as_slice()].concat())
    }

    /// A target like [`Server::target`] that has the same data after it was killed and started again.
    pub(crate) fn lasting(world: &World, product: Product, password: &str, labels: &[(&str, &str)]) -> Self {
        let env = format!("{}={password}", product.password_variable());
        let labels = world.labels(labels);
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        // The image's own volume, which goes with the container.
        let container =
            Container::run(&[&["-e", &env], labels.as_slice(), &[product.image().as_str()]].concat());
        Self { product, container, password: password.to_owned() }.wait()
    }

    /// The arguments have to say the password in some way.
    pub(crate) fn with(product: Product, password: &str, args: &[&str]) -> Self {
        // In memory: nothing has to be written to a disk, and nothing is left.
        let memory = ["--tmpfs", product.data()];
        let container = Container::run(&[&memory, args, &[product.image().as_str()]].concat());
        Self { product, container, password: password.to_owned() }
    }

    /// A server in a container that was started in another way.
    pub(crate) fn of(product: Product, container: Container, password: &str) -> Self {
        Self { product, container, password: password.to_owned() }
    }

    pub(crate) fn wait(self) -> Self {
        self.wait_until_it_answers();
        self
    }

    pub(crate) fn wait_until_it_answers(&self) {
        self.wait_until_it_listens();
        until("the server answers", || {
            assert_eq!(self.container.inspect("{{.State.Status}}"), "running", "{}", self.container.logs());
            // While an image sets a server up, it answers on its socket only.
            let command = self.client(true, "");
            self.container.feed(&as_strs(&command), b"SELECT 1;\n").0.is_ok()
        });
    }

    /// To run a client takes longer than to set a server up, so one is run when there is a chance. A connection costs nothing.
    fn wait_until_it_listens(&self) {
        let Ok(address) = self.container.address().parse::<IpAddr>() else { return };
        let port = match self.product.kind {
            Kind::Postgresql => 5432,
            Kind::Mariadb | Kind::Mysql => 3306,
        };
        until("the server listens", || {
            let connected = TcpStream::connect_timeout(&(address, port).into(), Duration::from_secs(1));
            // One that has ended says nothing, and the client will say why.
            !connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        });
    }

    /// The stock client's command line: rows only, and an end at the first error.
    fn client(&self, over_tcp: bool, database: &str) -> Vec<String> {
        let host = if over_tcp { "-h127.0.0.1" } else { "" };
        let script = match self.product.kind {
            Kind::Postgresql => {
                r#"PGPASSWORD=$1 PGDATABASE=${2:-postgres} exec psql -U postgres -w -X -A -t -q -v ON_ERROR_STOP=1 $3"#
            }
            Kind::Mariadb => {
                r#"MYSQL_PWD=$1 exec mariadb -uroot --default-character-set=utf8mb4 -N -B $3 -- "$2""#
            }
            Kind::Mysql => {
                r#"MYSQL_PWD=$1 exec mysql -uroot --default-character-set=utf8mb4 -N -B $3 -- "$2""#
            }
        };
        ["sh", "-c", script, "sh", &self.password, database, host].map(str::to_owned).to_vec()
    }

    /// What the stock client prints for this.
    pub(crate) fn sql(&self, sql: &str) -> String {
        self.load("", sql.as_bytes())
    }

    /// Reads SQL into a database with the stock client.
    pub(crate) fn load(&self, database: &str, sql: &[u8]) -> String {
        let (result, _) = self.container.feed(&as_strs(&self.client(false, database)), sql);
        let printed =
            result.unwrap_or_else(|problem| panic!("{} {database:?}: {problem}", self.product.default));
        String::from_utf8_lossy(&printed).into_owned()
    }

    /// Makes an empty database to load a dump into. MariaDB's and MySQL's are in the globals.
    pub(crate) fn create(&self, database: &str) {
        if self.product.kind == Kind::Postgresql && database != "postgres" {
            self.container.exec(&["createdb", "-U", "postgres", "-T", "template0", "--", database]);
        }
    }

    /// The path of a content file inside the container.
    fn content(&self, what: &str) -> String {
        let engine = match self.product.kind {
            Kind::Postgresql => "postgresql",
            Kind::Mariadb => "mariadb",
            Kind::Mysql => "mysql",
        };
        docker_cp(&self.container);
        format!("/content/{engine}{what}.sql")
    }

    /// Runs a content file: for `psql` by its name, because it includes others.
    fn run_content(&self, what: &str) -> String {
        let path = self.content(what);
        let mut command = self.client(false, "");
        if self.product.kind == Kind::Postgresql {
            return self.container.exec(&[
                "psql",
                "-U",
                "postgres",
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-f",
                &path,
            ]);
        }
        // Without it, the client changes line ends in routines.
        command[2] = format!("{} <{path}", command[2].replace(" -N ", " --binary-mode -N "));
        let all: Vec<&str> = as_strs(&command);
        self.container.exec(&all)
    }

    /// Loads everything that breaks naive dumps.
    pub(crate) fn fill(&self) {
        self.run_content("");
    }

    /// Loads what an application has made by itself and changed for years.
    pub(crate) fn fill_grown(&self) {
        self.run_content("-grown");
    }

    /// The same lines for the same content.
    pub(crate) fn checksums(&self) -> String {
        self.run_content("-checksum")
    }
}

fn docker_cp(container: &Container) {
    super::docker::docker(&["cp", CONTENT, &format!("{}:/content", container.id)]);
}

fn as_strs(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}
