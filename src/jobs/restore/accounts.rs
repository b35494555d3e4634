//! Users and grants of MariaDB and MySQL: an account that a server cannot have does not cost the others theirs.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use tracing::info;

use super::context::Restore;
use super::exchange::Server;
use crate::engine::{self, AccountFilter, Edit, Exchange};
use crate::jobs::error::{JobError, JobErrorKind};
use crate::model::drill::Problem;
use crate::model::line::Name;
use crate::model::manifest::ManifestObject;

/// What is wrong with the login, and not with an account.
const DENIED: [u32; 6] = [1044, 1045, 1142, 1227, 1290, 1836];

impl Restore<'_> {
    /// Something of the globals that this server does not take. A restore tells, and goes on with the rest; of a drill it is
    /// what came out.
    pub(super) fn leave_out(
        &self,
        object: &ManifestObject,
        problem: engine::ToolFailure,
        what: String,
    ) -> Result<(), JobError> {
        if self.loaded.is_none() {
            self.left_out.lock().unwrap_or_else(PoisonError::into_inner).push(what);
            return Ok(());
        }
        let error = JobError::new(JobErrorKind::Tool(problem), format!("restore {}: {what}", object.name));
        Err(error.or_blame(|| Problem::LoadFailed { object: Name::clean(&object.name) }))
    }

    pub(super) async fn load_accounts(
        &self,
        exchange: Exchange,
        globals: &ManifestObject,
    ) -> Result<(), JobError> {
        let server = Server::new(&self.docker, &self.plan.target, exchange, &self.run);
        let mut edit = Edit::Accounts(Box::new(AccountFilter::new(&server.login().await?)));
        let said = self.load(globals, None, &mut edit).await?;
        let Edit::Accounts(filter) = edit else { return Ok(()) };
        let accounts = filter.end();
        let failed = |text: String| Err(JobError::new(JobErrorKind::Tool(engine::ToolFailure::Other), text));
        if let Some(problem) = &accounts.problem {
            return failed(problem.clone());
        }
        if !accounts.left_alone.is_empty() {
            let names = accounts.left_alone.join(", ");
            info!(
                accounts = names,
                "accounts left alone: the login's own password, and what an image keeps for itself"
            );
        }
        let mut left_out: BTreeMap<&str, u32> = BTreeMap::new();
        for (code, line) in said.lines().filter_map(refused) {
            if DENIED.contains(&code) {
                let text = format!(
                    "restore users and grants: the login may not do it (error {code}); name a login that may by the labels dumpcar.user and dumpcar.password-file"
                );
                return Err(JobError::new(JobErrorKind::Tool(engine::ToolFailure::PermissionDenied), text));
            }
            match accounts.of_line(line) {
                // The first error tells more than those that follow from it.
                Some(account) => drop(left_out.entry(account).or_insert(code)),
                None => return failed(format!("restore users and grants: error {code} at line {line}")),
            }
        }
        for (account, code) in left_out {
            // A plugin, or a policy of one.
            let problem = match code {
                1524 | 1819 => engine::ToolFailure::Lacking,
                _ => engine::ToolFailure::Other,
            };
            self.leave_out(globals, problem, format!("account {account}: {}", reason(code)))?;
        }
        Ok(())
    }
}

/// The number of an error and the line of its statement.
fn refused(line: &str) -> Option<(u32, usize)> {
    let (code, line) = line.strip_prefix("account ")?.split_once(' ')?;
    Some((code.parse().ok()?, line.parse().ok()?))
}

fn reason(code: u32) -> String {
    let reason = match code {
        1524 => "this server has not its authentication plugin",
        1064 | 1149 | 1144 | 3619 => "it has a grant or an option that this server does not know",
        1372 | 1827 | 3855 => "this server does not take a password hash of this form",
        1819 => "its password does not satisfy this server's policy",
        code => return format!("error {code}"),
    };
    format!("{reason} (error {code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_script_prints_is_an_error_of_an_account() {
        assert_eq!(refused("account 1524 12"), Some((1524, 12)));
        for line in ["", "account 1524", "ERROR 1524 at line 12", "account x 12", "account 1 2 3"] {
            assert_eq!(refused(line), None, "{line}");
        }
    }
}
