//! `gateway client`: the programs that may use a gateway.

use std::collections::BTreeSet;

use aws_lc_rs::rand;
use serde_json::json;
use zeroize::Zeroizing;

use super::AddClientOptions;
use crate::cli::failure::{CommandOutcome, Failure};
use crate::cli::node::now;
use crate::cli::output::Output;
use crate::gateway::clients::{Allowed, ClientName, GatewayClient, KEY_RANDOM_BYTES, NewKey, make_key};
use crate::gateway::keeper::Keeper;
use sealane_core::epcis::BizStep;
use sealane_core::gs1::Gln;

pub fn add(keeper: &dyn Keeper, options: &AddClientOptions, output: &Output) -> Result<CommandOutcome, Failure> {
    let mut random = Zeroizing::new([0; KEY_RANDOM_BYTES]);
    rand::fill(&mut *random).map_err(|_| Failure::unreachable("the operating system gives no randomness"))?;
    let NewKey { id, key, hash } = make_key(&random).map_err(Failure::unreachable)?;
    let client = GatewayClient {
        name: options.name.clone(),
        key_id: id,
        key_hash: hash,
        scopes: options.scopes.iter().copied().collect(),
        allowed: Allowed { steps: steps(&options.steps)?, locations: locations(&options.locations)? },
        per_second: options.rate,
        created_at: now(),
    };
    if !keeper.add_client(&client).map_err(Failure::unreachable)? {
        return Err(Failure::wrong_use(format!(
            "there is a client {} already: choose another name, or remove it first",
            options.name
        )));
    }
    output.result(
        &json!({"name": options.name.as_str(), "key": *key}),
        format!(
            "{}\nThis is the key of {}, and it is shown only now. The client sends it as `Authorization: Bearer KEY` or `X-API-Key: \
             KEY`, or as the password of HTTP Basic with the name {1}.",
            *key, options.name
        ),
    );
    Ok(CommandOutcome::Done)
}

fn steps(given: &[String]) -> Result<BTreeSet<String>, Failure> {
    given
        .iter()
        .map(|step| {
            let read: BizStep = step.parse().map_err(|error| Failure::wrong_use(format!("--steps: {error}")))?;
            Ok(read.as_str().to_owned())
        })
        .collect()
}

fn locations(given: &[String]) -> Result<BTreeSet<String>, Failure> {
    given
        .iter()
        .map(|gln| {
            let read: Gln = gln.parse().map_err(|error| Failure::wrong_use(format!("--locations: {error}")))?;
            Ok(read.to_string())
        })
        .collect()
}

pub fn list(keeper: &dyn Keeper, output: &Output) -> Result<CommandOutcome, Failure> {
    let clients = keeper.clients().map_err(Failure::unreachable)?;
    let list = |all: &BTreeSet<String>| all.iter().cloned().collect::<Vec<_>>().join(", ");
    let scopes = |client: &GatewayClient| client.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>();
    let values: Vec<_> = clients
        .iter()
        .map(|client| {
            json!({"name": client.name.as_str(), "scopes": scopes(client), "steps": client.allowed.steps,
                "locations": client.allowed.locations, "rate": client.per_second, "createdAt": client.created_at.to_string()})
        })
        .collect();
    let line = |client: &GatewayClient| {
        let mut text = format!("{}: {}", client.name, scopes(client).join(", "));
        for (name, all) in [("steps", &client.allowed.steps), ("locations", &client.allowed.locations)] {
            if !all.is_empty() {
                text.push_str(&format!("; {name} {}", list(all)));
            }
        }
        if let Some(rate) = client.per_second {
            text.push_str(&format!("; {rate} captures a second"));
        }
        text
    };
    let text = match clients.is_empty() {
        true => "There is no client: the gateway serves its own machine alone.".to_owned(),
        false => clients.iter().map(line).collect::<Vec<_>>().join("\n"),
    };
    output.result(&values, text);
    Ok(CommandOutcome::Done)
}

pub fn remove(keeper: &dyn Keeper, name: &ClientName, output: &Output) -> Result<CommandOutcome, Failure> {
    if !keeper.remove_client(name).map_err(Failure::unreachable)? {
        return Err(Failure::wrong_use(format!("there is no client {name}")));
    }
    output.result(&json!({"removed": name.as_str()}), format!("The key of {name} opens nothing any more."));
    Ok(CommandOutcome::Done)
}
