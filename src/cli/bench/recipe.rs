//! What a bench writes: the n-th statement of a run, whole as a request, from its number alone.

use std::fmt::Write;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::cli::bench::signers::Signer;
use crate::cli::failure::Failure;
use sealane_core::time::Timestamp;

/// How long before the run its products were made; what is seen of them later is spread over the time since.
const MADE_BEFORE_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What its maker does with a product after commissioning it, in turn.
const LATER_STEPS: [&str; 2] = ["storing", "inspecting"];

/// How the statements of a run are made.
pub struct Recipe {
    pub signers: Arc<[Signer]>,
    pub origin: String,
    /// The node's host and port.
    pub host: String,
    pub events_per_statement: u64,
    pub bare: bool,
    /// Products in all and events about each, where a ledger is filled; without it every statement is about new ones.
    pub fill: Option<Fill>,
    pub began: Timestamp,
}

/// How much is put on a ledger.
#[derive(Debug, Clone, Copy)]
pub struct Fill {
    pub products: u64,
    pub events_per_product: u64,
}

/// Where a statement stands: which step of which products it tells of.
struct Place {
    step: u64,
    products: std::ops::Range<u64>,
}

impl Fill {
    /// As many products as it takes for at least `events` events.
    pub fn of_events(events: u64, events_per_product: u64) -> Self {
        Self { products: events.div_ceil(events_per_product), events_per_product }
    }

    pub const fn events(self) -> u64 {
        self.products * self.events_per_product
    }

    /// Statements that it takes.
    pub const fn statements(self, events_per_statement: u64) -> u64 {
        self.products.div_ceil(events_per_statement) * self.events_per_product
    }
}

impl Recipe {
    /// Makes and signs the statements with these numbers, on every core, as requests that are ready to be sent.
    pub fn requests(&self, numbers: std::ops::Range<u64>) -> Result<Vec<Vec<u8>>, Failure> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get) as u64;
        let share = (numbers.end - numbers.start).div_ceil(cores).max(1);
        let starts = numbers.clone().step_by(usize::try_from(share).unwrap_or(usize::MAX));
        std::thread::scope(|scope| {
            let shares: Vec<_> = starts
                .map(|start| start..(start + share).min(numbers.end))
                .map(|share| scope.spawn(move || share.map(|at| self.request(at)).collect::<Result<Vec<_>, _>>()))
                .collect();
            let mut requests = Vec::new();
            for share in shares {
                let made = share.join().map_err(|_| Failure::unreachable("a thread that signs panicked"))?;
                requests.extend(made?);
            }
            Ok(requests)
        })
    }

    fn request(&self, at: u64) -> Result<Vec<u8>, Failure> {
        let (document, signer) = self.document(at);
        let statement = signer.sign(document.as_bytes(), &self.origin, self.began)?;
        let request = format!(
            "POST /epcis/capture HTTP/1.1\r\nHost: {}\r\nContent-Type: application/jose\r\nPrefer: wait=60\r\n\
             Content-Length: {}\r\n\r\n{statement}",
            self.host,
            statement.len()
        );
        Ok(request.into_bytes())
    }

    fn document(&self, at: u64) -> (String, &Signer) {
        let place = self.place(at);
        let signer = self.signer_of(place.products.start);
        let mut text = format!(
            concat!(
                r#"{{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],"#,
                r#""type":"EPCISDocument","schemaVersion":"2.0","creationDate":"{}","epcisBody":{{"eventList":["#
            ),
            self.began
        );
        for product in place.products.clone() {
            if product > place.products.start {
                text.push(',');
            }
            self.write_event(&mut text, signer, product, place.step);
        }
        text.push_str("]}}");
        (text, signer)
    }

    fn write_event(&self, text: &mut String, signer: &Signer, product: u64, step: u64) {
        let steps = self.fill.map_or(1, |fill| fill.events_per_product);
        let between = MADE_BEFORE_MS / i64::try_from(steps).unwrap_or(i64::MAX).max(1);
        let time = self.began.plus_millis(-MADE_BEFORE_MS + between * i64::try_from(step).unwrap_or(0));
        let later = usize::try_from(step).unwrap_or(0).checked_sub(1).map(|n| LATER_STEPS[n % LATER_STEPS.len()]);
        let (action, business_step) =
            later.map_or(("ADD", "commissioning"), |business_step| ("OBSERVE", business_step));
        // Writing to a String does not fail.
        let _ = write!(
            text,
            r#"{{"type":"ObjectEvent","eventTime":"{time}","eventTimeZoneOffset":"+00:00","epcList":["{}"],"action":"{action}","bizStep":"{business_step}""#,
            self.id(product),
        );
        if !self.bare {
            let serial = self.serial(product);
            let disposition = if later.is_none() { "active" } else { "in_progress" };
            let _ = write!(
                text,
                r#","eventID":"urn:sealane-bench:{}:{serial}:{step}","disposition":"{disposition}","readPoint":{{"id":"https://id.gs1.org/414/{}"}}"#,
                signer.gtin, signer.gln
            );
        }
        text.push('}');
    }

    /// The id of a product of this run.
    pub fn id(&self, product: u64) -> String {
        format!("https://id.gs1.org/01/{}/21/{}", self.signer_of(product).gtin, self.serial(product))
    }

    /// The products that a statement commissions; none where it tells of later steps.
    pub fn commissioned(&self, at: u64) -> std::ops::Range<u64> {
        let place = self.place(at);
        if place.step == 0 { place.products } else { 0..0 }
    }

    /// At most 20 characters: eight for the run, which sets it apart from earlier ones, and up to eleven.
    fn serial(&self, product: u64) -> String {
        format!("{:x}.{product:x}", self.began.millis().unsigned_abs() & u64::from(u32::MAX))
    }

    /// A statement has one signer, so products that are told of together have one maker.
    fn signer_of(&self, product: u64) -> &Signer {
        let group = product / self.events_per_statement;
        &self.signers[usize::try_from(group % self.signers.len() as u64).unwrap_or(0)]
    }

    /// All products are commissioned first, then all have their second event, and so on, as in life: what is told of one
    /// product lies far apart.
    fn place(&self, at: u64) -> Place {
        let whole = |group: u64| group * self.events_per_statement..(group + 1) * self.events_per_statement;
        let Some(fill) = self.fill else { return Place { step: 0, products: whole(at) } };
        let groups = fill.products.div_ceil(self.events_per_statement);
        let products = whole(at % groups);
        Place { step: at / groups, products: products.start..products.end.min(fill.products) }
    }

    /// Events in a statement.
    pub fn events_in(&self, at: u64) -> u64 {
        let products = self.place(at).products;
        products.end - products.start
    }
}
