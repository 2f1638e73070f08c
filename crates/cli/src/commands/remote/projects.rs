//! `projects`

use serde_json::json;

use super::records;
use crate::app::App;
use crate::args::Projects;
use crate::failure::Outcome;
use crate::remote::Client;

pub(crate) fn run(app: &App, args: &Projects) -> Outcome {
    let kind = &records::PROJECTS;
    if let Projects::Records(args) = args {
        return records::run(app, kind, args);
    }
    let client = Client::new(app)?;
    let place = |project: &str, person: &str| -> Outcome<String> {
        let project = records::find_id(&client, kind, project)?;
        Ok(format!("/projects/{project}/people/{}", records::find_id(&client, &records::PEOPLE, person)?))
    };
    match args {
        Projects::Records(_) => Ok(()),
        Projects::People { name } => {
            let path = format!("/projects/{}/people", records::find_id(&client, kind, name)?);
            records::show(app, &client.get(&path)?)
        }
        Projects::Grant { project, person, role } => {
            records::show(app, &client.put(&place(project, person)?, &json!({"role": role.name()}))?)
        }
        Projects::Revoke { project, person } => {
            client.delete(&place(project, person)?)?;
            app.console.say(format!("{person} has no role in {project} any more"));
            Ok(())
        }
    }
}
