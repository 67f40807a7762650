//! What the templates say, resolved as CloudFormation does it: the embedded deployment has the policies of the real
//! one, to the letter.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use serde_saphyr::Tagged;

use super::names::{ACCOUNT, Failure, SOURCE, STACK, TARGET};

/// A template with values for its parameters. Texts, numbers and truth values are all texts here: policies know no
/// others.
#[derive(Debug)]
pub(super) struct Template {
    document: Value,
    region: &'static str,
    parameters: BTreeMap<String, String>,
    /// ARNs of what has no name before it is made: keys, by their logical names.
    made: BTreeMap<String, String>,
}

impl Template {
    /// Reads the template of the source Region.
    ///
    /// # Errors
    /// When it is no YAML.
    pub(super) fn source() -> Result<Self, Failure> {
        Self::read(include_str!("../../../../template.yaml"), SOURCE)
    }

    /// Reads the template of a target Region.
    ///
    /// # Errors
    /// When it is no YAML.
    pub(super) fn target() -> Result<Self, Failure> {
        Self::read(include_str!("../../../../target.yaml"), TARGET)
    }

    fn read(text: &str, region: &'static str) -> Result<Self, Failure> {
        let Node(document) = serde_saphyr::from_str(text)?;
        let defaults = document["Parameters"].as_object().into_iter().flatten();
        let parameters = defaults
            .filter_map(|(name, parameter)| Some((name.clone(), parameter["Default"].as_str()?.to_owned())))
            .collect();
        Ok(Self { document, region, parameters, made: BTreeMap::new() })
    }

    /// Gives a parameter a value.
    pub(super) fn choose(&mut self, parameter: &str, value: impl Into<String>) {
        self.parameters.insert(parameter.to_owned(), value.into());
    }

    /// Says under which ARN a resource was made.
    pub(super) fn made(&mut self, resource: &str, arn: impl Into<String>) {
        self.made.insert(resource.to_owned(), arn.into());
    }

    /// The logical names of the resources of a type.
    pub(super) fn of_type(&self, kind: &str) -> Vec<&str> {
        let resources = self.document["Resources"].as_object().into_iter().flatten();
        resources.filter(|(_, resource)| resource["Type"] == kind).map(|(name, _)| name.as_str()).collect()
    }

    /// A property of a resource, resolved.
    ///
    /// # Errors
    /// When it names what is not there, or not known here.
    pub(super) fn property(&self, resource: &str, property: &str) -> Result<Value, Failure> {
        self.resolve(&self.document["Resources"][resource]["Properties"][property])
    }

    fn resolve(&self, node: &Value) -> Result<Value, Failure> {
        Ok(match node {
            Value::Array(list) => {
                let list = list.iter().map(|each| self.resolve(each)).collect::<Result<Vec<_>, _>>()?;
                list.into_iter().filter(|each| !each.is_null()).collect()
            }
            Value::Object(map) => {
                if let Some((function, given)) =
                    map.iter().next().filter(|(name, _)| *name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.call(function, given);
                }
                let mut resolved = Map::new();
                for (name, value) in map {
                    let value = self.resolve(value)?;
                    if !value.is_null() {
                        resolved.insert(name.clone(), value);
                    }
                }
                Value::Object(resolved)
            }
            other => other.clone(),
        })
    }

    fn call(&self, function: &str, given: &Value) -> Result<Value, Failure> {
        let part = |index: usize| &given[index];
        Ok(match function {
            "Ref" => self.named(text(given)?)?,
            "Fn::GetAtt" => json!(self.attribute(text(given)?)?),
            "Fn::Sub" => match given {
                Value::Array(_) => json!(self.substitute(text(part(0))?, part(1))?),
                _ => json!(self.substitute(text(given)?, &Value::Null)?),
            },
            "Fn::If" => self.resolve(if self.holds(text(part(0))?)? { part(1) } else { part(2) })?,
            "Fn::Join" => {
                let list = self.resolve(part(1))?;
                let list = list.as_array().ok_or("Join takes a list")?;
                let list = list.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                json!(list.join(text(part(0))?))
            }
            "Fn::Split" => json!(split(text(&self.resolve(part(1))?)?, text(part(0))?)),
            "Fn::Select" => self.resolve(part(1))?[text(part(0))?.parse::<usize>()?].clone(),
            _ => return Err(format!("{function} is not known here").into()),
        })
    }

    /// Whether a condition of the template holds.
    fn holds(&self, condition: &str) -> Result<bool, Failure> {
        self.is_true(&self.document["Conditions"][condition])
    }

    fn is_true(&self, node: &Value) -> Result<bool, Failure> {
        if let Some(list) = node.get("Fn::Not") {
            return Ok(!self.is_true(&list[0])?);
        }
        let pair = node.get("Fn::Equals").ok_or_else(|| format!("no condition: {node}"))?;
        Ok(self.resolve(&pair[0])? == self.resolve(&pair[1])?)
    }

    /// What `Ref` says of a parameter or a resource. A list is one if it holds anything.
    fn named(&self, name: &str) -> Result<Value, Failure> {
        Ok(match name {
            "AWS::AccountId" => json!(ACCOUNT),
            "AWS::NoValue" => Value::Null,
            "AWS::Partition" => json!("aws"),
            "AWS::Region" => json!(self.region),
            "AWS::StackName" => json!(STACK),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            _ if self.document["Parameters"].get(name).is_some() => {
                let value = self.parameters.get(name).ok_or_else(|| format!("{name} has no value"))?;
                match self.document["Parameters"][name]["Type"].as_str() {
                    Some("CommaDelimitedList") => json!(split(value, ",")),
                    _ => json!(value),
                }
            }
            _ => {
                let (kind, name) = self.name_of(name)?;
                let is_key = kind.starts_with("AWS::KMS");
                json!(if is_key { name.rsplit('/').next().unwrap_or(&name) } else { &name })
            }
        })
    }

    /// A resource's type, and its name; of one that has none, its ARN.
    fn name_of(&self, resource: &str) -> Result<(&str, String), Failure> {
        let kind = self.document["Resources"][resource]["Type"].as_str().unwrap_or_default();
        let property = match kind {
            "AWS::IAM::Role" => "RoleName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Backup::BackupVault" => "BackupVaultName",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::SQS::Queue" => "QueueName",
            "AWS::KMS::Key" | "AWS::KMS::ReplicaKey" => {
                let arn = self.made.get(resource).ok_or_else(|| format!("{resource} is not made yet"))?;
                return Ok((kind, arn.clone()));
            }
            _ => return Err(format!("{resource} is not known here").into()),
        };
        Ok((kind, text(&self.property(resource, property)?)?.to_owned()))
    }

    /// What `GetAtt` says: ARNs only.
    fn attribute(&self, path: &str) -> Result<String, Failure> {
        let resource = path.strip_suffix(".Arn").ok_or_else(|| format!("{path} is not known here"))?;
        let (kind, name) = self.name_of(resource)?;
        let region = self.region;
        Ok(match kind {
            "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{name}"),
            "AWS::DynamoDB::Table" => format!("arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}"),
            "AWS::Backup::BackupVault" => format!("arn:aws:backup:{region}:{ACCOUNT}:backup-vault:{name}"),
            "AWS::Logs::LogGroup" => format!("arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:*"),
            "AWS::SQS::Queue" => format!("arn:aws:sqs:{region}:{ACCOUNT}:{name}"),
            _ => name,
        })
    }

    fn substitute(&self, pattern: &str, values: &Value) -> Result<String, Failure> {
        let (mut done, mut rest) = (String::new(), pattern);
        while let Some((before, (name, after))) =
            rest.split_once("${").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
        {
            done.push_str(before);
            match values.get(name) {
                Some(value) => done.push_str(text(&self.resolve(value)?)?),
                None if name.contains('.') => done.push_str(&self.attribute(name)?),
                None => done.push_str(text(&self.named(name)?)?),
            }
            rest = after;
        }
        Ok(done + rest)
    }
}

fn text(value: &Value) -> Result<&str, Failure> {
    value.as_str().ok_or_else(|| format!("no text: {value}").into())
}

fn split<'a>(text: &'a str, at: &str) -> Vec<&'a str> {
    if text.is_empty() { Vec::new() } else { text.split(at).collect() }
}

/// A node of a template: CloudFormation's short forms of functions are in their long ones.
struct Node(Value);

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(Untagged(value), tag) = Tagged::deserialize(deserializer)?;
        Ok(Self(match tag.as_deref().map(|tag| tag.trim_start_matches('!')) {
            None => value,
            Some("Ref") => json!({ "Ref": value }),
            Some(function) => json!({ format!("Fn::{function}"): value }),
        }))
    }
}

/// What a tag stands before.
struct Untagged(Value);

impl<'de> Deserialize<'de> for Untagged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts).map(Self)
    }
}

/// Makes a text of every scalar.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a template")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(json!(text))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(json!(truth.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(json!(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(json!(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(json!(number.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut nodes: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Node(node)) = nodes.next_element()? {
            list.push(node);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut nodes: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Node(node))) = nodes.next_entry()? {
            map.insert(name, node);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use backup_chain_core::functions;

    use super::super::names::{FUNCTIONS, function as function_name};
    use super::*;

    #[test]
    fn functions_are_resolved_as_cloudformation_does() {
        let mut template = Template::read(
            "Parameters:\n  \
               Vaults: {Type: CommaDelimitedList, Default: \"\"}\n\
             Conditions:\n  \
               HasVaults: !Not [!Equals [!Join [\"\", !Ref Vaults], \"\"]]\n\
             Resources:\n  \
               Key: {Type: AWS::KMS::Key}\n  \
               Role:\n    \
                 Type: AWS::IAM::Role\n    \
                 Properties:\n      \
                   RoleName: !Sub ${AWS::StackName}-a\n      \
                   List: !If\n        \
                     - HasVaults\n        \
                     - !Split [\",\", !Join [\",\", [own, !Join [\",\", !Ref Vaults]]]]\n        \
                     - own\n      \
                   Arns: [!GetAtt Role.Arn, !Sub \"${Key.Arn}/${Key}\", !Ref AWS::NoValue]\n      \
                   Named: !Sub [\"a-${Third}\", {Third: !Select [2, !Split [\":\", \"1:2:3\"]]}]\n",
            SOURCE,
        )
        .unwrap();
        let resolved = |template: &Template, name: &str| template.property("Role", name).unwrap();
        assert!(template.property("Role", "Arns").is_err(), "the key is not made");
        template.made("Key", "arn:aws:kms:eu-central-1:111122223333:key/k");
        assert_eq!(resolved(&template, "List"), "own");
        template.choose("Vaults", "x,y");
        assert_eq!(resolved(&template, "List"), json!(["own", "x", "y"]));
        let key = "arn:aws:kms:eu-central-1:111122223333:key/k/k";
        assert_eq!(
            resolved(&template, "Arns"),
            json!(["arn:aws:iam::111122223333:role/backup-chain-a", key])
        );
        assert_eq!(resolved(&template, "Named"), "a-3");
    }

    #[test]
    fn the_list_of_functions_is_the_templates() {
        let template = Template::source().unwrap();
        let resources = &template.document["Resources"];
        let title = |name: &str| name[..1].to_uppercase() + &name[1..];
        let (mut listed, mut ticked) = (Vec::new(), Vec::new());
        for (function, (name, role)) in functions::FUNCTIONS.into_iter().zip(FUNCTIONS) {
            assert_eq!(function.name, name);
            let (made, as_role) = (title(name) + "Function", title(name) + "Role");
            assert_eq!(template.property(&made, "FunctionName").unwrap(), function_name(name));
            assert_eq!(template.property(&as_role, "RoleName").unwrap(), role);
            let binary = &resources[&made]["Metadata"]["BuildProperties"]["Binary"];
            assert_eq!(*binary, format!("backup-chain-{name}"));
            let events = &resources[&made]["Properties"]["Events"];
            match function.queue.map(title) {
                Some(queue) => {
                    let fed = &events[&queue]["Properties"]["Queue"]["Fn::GetAtt"];
                    assert_eq!(*fed, format!("{queue}Queue.Arn"));
                }
                None => assert!(events.is_null(), "{name}"),
            }
            listed.push(made);
            ticked.extend(function.has_tick.then_some(name));
        }
        listed.sort_unstable();
        assert_eq!(template.of_type("AWS::Serverless::Function"), listed);
        let targets = resources["TickRule"]["Properties"]["Targets"].as_array().unwrap();
        let targets: Vec<_> = targets.iter().map(|target| target["Id"].as_str().unwrap()).collect();
        assert_eq!(targets, ticked);
    }
}
