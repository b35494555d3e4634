//! stub
use std::collections::HashMap; use std::time::Duration;
use crate::engine::Engine; use crate::model::{compression::Compression, retention::*, schedule::Schedule, target::TargetName};
#[derive(Debug, Clone, Default)] pub struct TargetLabels { pub prefix: String, pub name: Option<TargetName>, pub engine: Option<Engine>, pub databases: Option<Vec<String>>, pub user: Option<String>, pub password_file: Option<String>, pub exec_user: Option<String>, pub args: Vec<String>, pub schedule: Option<Schedule>, pub retention: Ov, pub compression: Option<Compression>, pub timeout: Option<Duration>, pub group: Option<String>, pub before: Option<String>, pub after: Option<String>, pub command: Option<String>, pub restore_command: Option<String>, pub extension: Option<String> }
#[derive(Debug, Clone, Default)] pub struct Ov; impl Ov { pub fn apply(&self, p: &RetentionPolicy) -> Result<RetentionPolicy, KeepsNothing> { Ok(*p) } }
impl TargetLabels { pub fn wants(&self, d: &str) -> bool { self.databases.as_ref().is_none_or(|x| x.iter().any(|y| y==d)) }
pub fn parse(l: &HashMap<String,String>, p: &str) -> Result<Option<Self>, String> { if l.get(&format!("{p}.enable")).is_none() { return Ok(None) } Ok(Some(Self { prefix: p.into(), command: l.get(&format!("{p}.command")).cloned(), name: l.get(&format!("{p}.name")).map(|n| n.parse().unwrap()), ..Self::default() })) } }
