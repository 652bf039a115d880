// Where an event says that its place is, and how far it is from there.

import { masterData } from "./master_data.js";
import { doubleOf, isMap, isNumber, isText } from "./json.js";

const EARTH_RADIUS_KM = 6371.0088;

/** Where an event says that its place is: `{latitude, longitude}` in degrees. */
export function coordinatesOf({ readPoint, bizLocation, readPointMembers, bizLocationMembers }) {
  return ofUri(readPoint) ?? ofMembers(readPointMembers) ?? ofUri(bizLocation) ?? ofMembers(bizLocationMembers);
}

function ofUri(id) {
  if (!id?.text.startsWith("geo:")) return undefined;
  const [latitude, longitude] = id.text.slice(4).split(";")[0].split(",");
  return onEarth(decimal(latitude), decimal(longitude));
}

function ofMembers(place) {
  const number = (name) => {
    const value = masterData(place, name);
    return isNumber(value) ? doubleOf(value) : isText(value) ? decimal(value) : undefined;
  };
  return isMap(place) ? onEarth(number("latitude"), number("longitude")) : undefined;
}

const decimal = (text = "") => (/^-?[0-9]+(\.[0-9]+)?$/.test(text) ? Number(text) : undefined);

function onEarth(latitude, longitude) {
  const held = latitude !== undefined && longitude !== undefined && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  // 0, 0 is what people write who have no coordinates.
  return held && !(latitude === 0 && longitude === 0) ? { latitude, longitude } : undefined;
}

/** Kilometres along the surface, by the haversine formula. */
export function distanceKm(one, other) {
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const [latitude, otherLatitude] = [radians(one.latitude), radians(other.latitude)];
  const north = Math.sin((otherLatitude - latitude) / 2);
  const east = Math.sin(radians(other.longitude - one.longitude) / 2);
  const a = Math.min(north * north + Math.cos(latitude) * Math.cos(otherLatitude) * east * east, 1);
  return 2 * EARTH_RADIUS_KM * Math.atan2(Math.sqrt(a), Math.sqrt(1 - a));
}
