//! `--online`: whether the vendor accepts the key and the configured models answer.

use crate::base::failure::Failure;
use crate::keys;
use crate::model::ProviderId;
use crate::upstream::{Endpoint, Evidence, fetch_answers};

use super::Patient;
use super::finding::Finding;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    let Some(config) = &patient.config else {
        return findings.push(Finding::info("online", "the vendor was not asked: the configuration cannot be read"));
    };
    let Ok(Some(found)) = keys::find(patient.world, ProviderId::Glm, &patient.lookup()) else {
        return findings.push(Finding::info("online", "the vendor was not asked: there is no key"));
    };
    let mut models = config.glm().distinct();
    models.extend(config.glm().fable.as_deref());
    let endpoint = Endpoint { base_url: &config.glm().base_url, key: &found.secret };
    let url = config.glm().base_url.as_str();
    match fetch_answers(&endpoint, &models) {
        Err(error) => findings.push(Finding::failure("online", &Failure::from(error)).at(url)),
        Ok(answers) => {
            for answer in answers {
                let model = &answer.model;
                findings.push(match answer.result {
                    Ok(Evidence::Answered) => Finding::ok("online-model", format!("{model} answers")).at(url),
                    Ok(Evidence::Listed) => Finding::ok("online-model", format!("{model} is offered")).at(url),
                    Err(error) => {
                        Finding::failure("online-model", &Failure::from(error)).at(format!("{model} at {url}"))
                    }
                });
            }
        }
    }
}
