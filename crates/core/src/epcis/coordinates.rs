//! Coordinates: where an event says that its place is, and how far two places are apart.

use crate::gs1::Id;
use crate::json::{Json, Object};

/// A place on the globe, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

/// The mean radius of the earth (IUGG), in kilometres.
const EARTH_RADIUS_KM: f64 = 6371.0088;

impl Coordinates {
    /// Takes degrees that are on the globe. 0, 0 is what people write who have no coordinates, so it is none.
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let nowhere = latitude == 0.0 && longitude == 0.0;
        (on_earth && !nowhere).then_some(Self { latitude, longitude })
    }

    /// Degrees north of the equator.
    pub const fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east of Greenwich.
    pub const fn longitude(self) -> f64 {
        self.longitude
    }

    /// Kilometres to another place along the surface, by the haversine formula.
    pub fn distance_km(self, other: Self) -> f64 {
        let radians = |degrees: f64| degrees * std::f64::consts::PI / 180.0;
        let (latitude, other_latitude) = (radians(self.latitude), radians(other.latitude));
        let north = ((other_latitude - latitude) / 2.0).sin();
        let east = (radians(other.longitude - self.longitude) / 2.0).sin();
        let a = north * north + latitude.cos() * other_latitude.cos() * east * east;
        // Rounding may put the antipodes a hair beyond 1.
        let a = if a > 1.0 { 1.0 } else { a };
        2.0 * EARTH_RADIUS_KM * a.sqrt().atan2((1.0 - a).sqrt())
    }
}

/// Where the event took place by its readPoint, or else where it says that the objects are, by its bizLocation: a `geo:`
/// URI (RFC 5870) as the place's id, or its members with the local names `latitude` and `longitude`.
pub(super) fn of(event: &Object, read_point: Option<&Id>, biz_location: Option<&Id>) -> Option<Coordinates> {
    let by_id = |place: Option<&Id>| place.and_then(|id| of_uri(id.as_str()));
    let by_members = |name: &str| event.get(name).and_then(of_members);
    by_id(read_point)
        .or_else(|| by_members("readPoint"))
        .or_else(|| by_id(biz_location))
        .or_else(|| by_members("bizLocation"))
}

fn of_uri(uri: &str) -> Option<Coordinates> {
    let numbers = uri.strip_prefix("geo:")?.split(';').next()?;
    let mut numbers = numbers.split(',');
    Coordinates::new(decimal(numbers.next()?)?, decimal(numbers.next()?)?)
}

fn of_members(place: &Json) -> Option<Coordinates> {
    // Most places are an id and nothing more.
    let members = place.as_object().filter(|members| members.len() >= 2)?;
    let local = |key: &str, name: &str| key.rsplit([':', '/', '#']).next() == Some(name);
    let number = |name: &str| match members.iter().find(|(key, _)| local(key, name))?.1 {
        Json::Number(number) => Some(number.to_f64()),
        Json::String(text) => decimal(text),
        _ => None,
    };
    Coordinates::new(number("latitude")?, number("longitude")?)
}

/// Reads digits with at most one sign before and one point among them: the numbers of RFC 5870.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits(whole) && all_digits(fraction) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SEOUL: Coordinates = Coordinates { latitude: 37.5665, longitude: 126.978 };
    const LISBON: Coordinates = Coordinates { latitude: 38.7223, longitude: -9.1393 };

    #[test]
    fn distances_are_those_of_the_globe() {
        let whole = |one: Coordinates, other| one.distance_km(other).round();
        assert_eq!(whole(SEOUL, SEOUL), 0.0);
        assert_eq!(whole(SEOUL, LISBON), whole(LISBON, SEOUL));
        assert_eq!(whole(SEOUL, LISBON), 10418.0);
        let place = |latitude, longitude| Coordinates { latitude, longitude };
        assert_eq!(whole(place(0.0, 0.0), place(0.0, 1.0)), 111.0, "a degree of the equator");
        assert_eq!(whole(place(90.0, 0.0), place(-90.0, 0.0)), 20015.0, "from pole to pole");
        assert_eq!(whole(place(0.0, -90.0), place(0.0, 90.0)), 20015.0, "half around the equator");
        assert_eq!(whole(place(10.0, 179.5), place(10.0, -179.5)), 110.0, "across the date line");
    }

    #[test]
    fn geo_uris_give_coordinates() {
        assert_eq!(of_uri("geo:37.5665,126.978"), Some(SEOUL));
        assert_eq!(of_uri("geo:37.5665,126.978,40;crs=wgs84;u=10"), Some(SEOUL));
        assert_eq!(of_uri("geo:38.7223,-9.1393"), Some(LISBON));
        for other in ["geo:0,0", "geo:91,0", "geo:1", "geo:1,", "geo:1e1,2", "geo:+1,2", "geo:NaN,1", "https://a.b/1,2"]
        {
            assert_eq!(of_uri(other), None, "{other}");
        }
    }

    #[test]
    fn members_give_coordinates_whatever_their_prefix() {
        let seoul = json!({"id": "urn:x:y", "ext:latitude": 37.5665, "https://example.org/longitude": "126.978"});
        assert_eq!(of_members(&seoul.into()), Some(SEOUL));
        for other in [json!({"latitude": 37.5}), json!({"latitude": "north", "longitude": 1}), json!("geo"), json!({})]
        {
            assert_eq!(of_members(&other.clone().into()), None, "{other}");
        }
    }
}
