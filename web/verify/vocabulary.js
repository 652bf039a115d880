// The standard word lists of the Core Business Vocabulary (CBV 2.0 §7) and of EPCIS 2.0's sensor reports.

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** True for what JSON schema calls `format: uri`. */
export function isAbsoluteUri(text) {
  if (!SCHEME.test(text)) return false;
  const rest = text.slice(text.indexOf(":") + 1);
  const allowed = !/[^A-Za-z0-9\-._~:/?[\]@!$&'()*+,;=#%]|%(?![0-9A-Fa-f]{2})/.test(rest);
  return allowed && rest.indexOf("#") === rest.lastIndexOf("#");
}

/** True for a URI among GS1's own words, however it is spelt. */
function isGs1Vocabulary(text) {
  const plain = text.replace(/%([0-7][0-9A-Fa-f])/g, (_, digits) => String.fromCharCode(parseInt(digits, 16))).toLowerCase();
  const colon = plain.indexOf(":");
  if (colon < 0) return false;
  const [scheme, after] = [plain.slice(0, colon), plain.slice(colon + 1)];
  if (scheme === "cbv") return true;
  if (scheme === "urn") return after.startsWith("epcglobal:cbv");
  if (scheme !== "http" && scheme !== "https") return false;
  const rest = after.replace(/^\/+/, "");
  const end = rest.search(/[/?#]/);
  const [authority, path] = end < 0 ? [rest, ""] : [rest.slice(0, end), rest.slice(end)];
  const host = authority.slice(authority.lastIndexOf("@") + 1).split(":")[0].replace(/\.+$/, "");
  const folder = firstSegment(path.split(/[?#]/)[0]);
  if (host === "ref.gs1.org" || host === "ns.gs1.org") return folder === "cbv" || folder === "voc";
  return (host === "gs1.org" || host === "www.gs1.org") && folder === "voc";
}

function firstSegment(path) {
  const segments = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments[0];
}

class Vocabulary {
  constructor(prefixes, webPrefix, forbidden, words) {
    Object.assign(this, { prefixes, webPrefix, forbidden, words: new Set(words.split(/\s+/)) });
  }

  /** The bare word that `text` spells, in whatever spelling. */
  word(text) {
    const prefix = this.prefixes.find((start) => text.startsWith(start)) ?? "";
    const bare = text.slice(prefix.length);
    return this.words.has(bare) ? bare : undefined;
  }

  /** True for a bare word, and for a URI of somebody else's vocabulary that does not pass for GS1's. */
  permits(text) {
    if (this.words.has(text)) return true;
    if (!isAbsoluteUri(text) || this.forbidden.some((start) => text.startsWith(start))) return false;
    return this.word(text) !== undefined || !isGs1Vocabulary(text);
  }

  webUri(text) {
    const word = this.word(text);
    return word === undefined ? text : this.webPrefix + word;
  }
}

const CBV_FORBIDDEN = ["urn:epcglobal:cbv", "http://ns.gs1.org/cbv/", "https://ns.gs1.org/cbv/"];
const VOC = ["http://gs1.org/voc/", "https://gs1.org/voc/", "http://www.gs1.org/voc/", "https://www.gs1.org/voc/"];

function cbv(urn, web, words) {
  const webs = ["https://ref", "http://ref", "https://ns", "http://ns"].map((start) => `${start}.gs1.org/cbv/${web}-`);
  return new Vocabulary([`urn:epcglobal:cbv:${urn}:`, `cbv:${web}-`, ...webs], webs[0], CBV_FORBIDDEN, words);
}

const gs1 = (words) => new Vocabulary(["gs1:", ...VOC, "https://ref.gs1.org/voc/"], "https://gs1.org/voc/", VOC, words);

export const BIZ_STEPS = cbv("bizstep", "BizStep", `accepting arriving assembling collecting commissioning consigning
creating_class_instance cycle_counting decommissioning departing destroying disassembling dispensing encoding
entering_exiting holding inspecting installing killing loading other packing picking receiving removing repackaging
repairing replacing reserving retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking
storing transporting unloading unpacking void_shipping`);
export const DISPOSITIONS = cbv("disp", "Disp", `active available completeness_inferred completeness_verified conformant
container_closed container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit inactive
mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other
partially_dispensed recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable
unknown`);
export const BIZ_TRANSACTION_TYPES = cbv("btt", "BTT", `bol cert desadv inv pedigree po poc prodorder recadv rma testprd
testres upevt`);
export const SOURCE_DEST_TYPES = cbv("sdt", "SDT", "owning_party possessing_party location");
export const ERROR_REASONS = cbv("er", "ER", "did_not_occur incorrect_data");
export const COMPONENTS = cbv("comp", "Comp", `x y z axial_distance azimuth height spherical_radius polar_angle
elevation_angle easting northing latitude longitude altitude`);
export const MEASUREMENT_TYPES = gs1(`AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Radioactivity Altitude
AmountOfSubstance AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area
Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency Illuminance
Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux
MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate MassPerAreaTime MemoryCapacity
MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux RadiantIntensity RelativeHumidity
Resistance Resistivity SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage
Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber`);
export const SENSOR_ALERTS = gs1("ALARM_CONDITION ERROR_CONDITION");
