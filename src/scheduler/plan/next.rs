//! When each job is due next, for whoever shows it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::State;
use crate::model::job::Job;
use crate::report::Event;

impl State {
    /// Reports each time that has changed since the last turn.
    pub(super) fn report_next(&mut self) {
        let mut next = BTreeMap::new();
        for (name, known) in self.known.iter().filter(|(_, known)| known.is_planned) {
            next.insert((Job::Backup, Some(name.clone())), known.backup.due);
            next.insert((Job::Drill, Some(name.clone())), known.drill.due);
        }
        if self.is_planned {
            next.insert((Job::Verify, None), self.verify.due);
        }
        let is_new = |(what, due): &(&_, &Option<Timestamp>)| self.reported_next.get(*what) != Some(*due);
        let changed = next.iter().filter(is_new).map(|((job, target), due)| Event::Next {
            job: *job,
            target: target.clone(),
            next: *due,
        });
        self.events.extend(changed);
        self.reported_next = next;
    }
}
