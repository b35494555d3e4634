//! The server that a drill tries a backup on.

use std::collections::BTreeMap;

use crate::engine::shared::facts::Facts;
use crate::engine::shared::scratch::{self, Answering};
use crate::engine::shared::settings::{Rules, Settings};
use crate::model::command::Command;

/// How a throwaway server of a kind is set up, and asked.
pub trait ScratchServer: Sync {
    /// The environment of a throwaway server of this kind, for a target with this one: what its set-up needs, what is
    /// `wanted` besides, and `password` wherever there is one.
    ///
    /// A drill executes the backup. So the server has no secret that the backup could read: neither the target's passwords
    /// nor anything of the application.
    fn scratch_env(
        &self,
        target: &BTreeMap<String, String>,
        wanted: &[String],
        password: &str,
    ) -> BTreeMap<String, String>;

    /// Makes an administrator of a throwaway server that no backup changes. `name`: letters, digits and `_`, in no backup.
    fn scratch_account(&self, _facts: &Facts<'_>, _name: &str) -> Option<Command> {
        None
    }

    /// Whether the label's query may be asked by that administrator alone, because the backup's accounts replace the others.
    fn accounts_are_replaced(&self) -> bool {
        false
    }

    /// Ends what a throwaway server does by itself.
    fn calm(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    /// Arguments by which it does nothing by itself, and takes back every row that was dumped.
    fn calm_arguments(&self) -> &'static [&'static str] {
        &[]
    }

    /// Which settings a throwaway server has from its target.
    fn setting_rules(&self) -> Option<&'static Rules> {
        None
    }

    /// Of a container's command line, as Docker tells its arguments: what a throwaway server gets as well.
    fn settings_of(&self, arguments: &[String]) -> Settings {
        self.setting_rules().map_or_else(Settings::default, |rules| Settings::of_arguments(rules, arguments))
    }

    /// Asks a server for its settings, for [`ScratchServer::with_settings`].
    fn ask_settings(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    /// Adds what a server has told of its settings.
    fn with_settings(&self, settings: Settings, stdout: &[u8]) -> Settings {
        match self.setting_rules() {
            Some(rules) => settings.told(rules, stdout),
            None => settings,
        }
    }

    /// The command line of a throwaway server, behind its image's entry point. `image`: the command of its image; `wanted`: the
    /// label's arguments; `more`: where the data is.
    fn scratch_arguments(
        &self,
        image: &[String],
        settings: &Settings,
        more: &[String],
        wanted: &[String],
    ) -> Vec<String> {
        let settings = self.setting_rules().map(|rules| settings.arguments(rules)).unwrap_or_default();
        scratch::arguments(image, settings, self.calm_arguments(), more, wanted)
    }

    /// Folders outside of its image's volumes that a server must be able to write to.
    fn run_folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Variables and arguments by which a server keeps its data in the container's own layer.
    fn data_in_layer(&self) -> (BTreeMap<String, String>, Vec<String>) {
        (BTreeMap::new(), Vec::new())
    }

    /// The names of its servers as process 1.
    fn servers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Asks which process answers as the server, for [`ScratchServer::parse_answering`].
    fn answering(&self, _facts: &Facts<'_>) -> Option<Command> {
        None
    }

    /// Reads what that command printed.
    fn parse_answering(&self, stdout: &[u8]) -> Answering {
        Answering::read(self.servers(), stdout)
    }

    /// Asks a question in a database and prints the answer, rows only.
    fn query(&self, facts: &Facts<'_>, database: &str, query: &str) -> Command;

    /// Takes its name from a database of a drill's server, the `index`th of them, so that its definitions can be loaded once more.
    fn set_aside(&self, _facts: &Facts<'_>, _database: &str, _index: usize) -> Option<Command> {
        None
    }

    /// Further arguments of the dump tool by which it prints definitions only. Those of triggers and events are kept as they
    /// were written.
    fn definitions(&self) -> &'static [&'static str] {
        &[]
    }
}
