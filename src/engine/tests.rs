use super::*;

#[test]
#[ignore = "emits scripts for manual runs"]
fn emit() {
    let dir = std::env::temp_dir().join("engine-scripts");
    let spec: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("spec.json")).unwrap()).unwrap();
    let env = spec["env"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().unwrap().into()))
        .collect();
    let args: Vec<String> = Vec::new();
    let facts = Facts {
        image: spec["image"].as_str().unwrap(),
        env: &env,
        user: spec["user"].as_str(),
        password_file: spec["password_file"].as_str(),
        exec_user: None,
        args: &args,
        command: None,
        extension: None,
    };
    let engine = detect(facts.image, &env).unwrap();
    let survey_out = std::fs::read(dir.join("survey.out")).unwrap_or_default();
    let survey = engine.parse_survey(&survey_out).unwrap_or_default();
    let mut all = serde_json::Map::new();
    let mut put = |name: String, command: Command| {
        all.insert(
            name,
            serde_json::json!({"script": command.script, "args": command.args, "env": command.env}),
        );
    };
    put("survey".into(), engine.survey(&facts).unwrap());
    if let Some(globals) = engine.globals(&facts, &survey) {
        put("globals".into(), globals);
    }
    for database in &survey.databases {
        put(format!("db:{}", database.name), engine.dump(&facts, &survey, &database.name));
    }
    println!("{survey:#?} {:?}", engine.login(&facts));
    std::fs::write(dir.join("out.json"), serde_json::to_vec(&all).unwrap()).unwrap();
}
