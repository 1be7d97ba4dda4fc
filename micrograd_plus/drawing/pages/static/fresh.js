// Other numbers in the place of some, of about the same size and with as many decimals.

const MOST = 2; // decimals

export function fresh(numbers) {
  return numbers.map((x) => {
    const places = Math.min(`${x}`.split(/[.e]/)[1]?.length ?? 0, MOST);
    const units = 10 ** places;
    const reach = Math.round(Math.max(2 * Math.abs(x), places ? 1 : 4) * units);
    const size = 1 + Math.floor(Math.random() * reach); // never 0
    return (Math.random() < 0.5 ? -size : size) / units;
  });
}
