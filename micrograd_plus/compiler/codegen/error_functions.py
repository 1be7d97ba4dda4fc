"""The error functions as text, for what has none: NumPy without SciPy, and JavaScript.

Their errors are at most 2 units in the last place for erf, and 4 for erfc. The coefficients are
those of least squares at Chebyshev's points, in 50 digits.
"""

_NEAR = """\
[-7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07,
         1.6447424703317362e-06, -1.492473690741966e-05, 0.00012055294904839707,
         -0.0008548325975389692, 0.0052239776071164225, -0.02686617064323777,
         0.11283791670945006, -0.37612638903183543, 1.1283791670955126]"""

_FAR = """\
[-1.7681353362437834e-09, -1.3516854349434012e-08, -7.726191854639757e-09,
         1.1493590856110984e-07, 6.248469541303522e-08, -8.346998935207576e-07,
         3.0173162136551943e-07, 5.717610520722154e-06, -1.1225089210533434e-05,
         -2.4403074540143484e-05, 0.00015062237976956475, -0.00019925552546986927,
         -0.0007577733788804199, 0.005031969757403578, -0.016197734052833625,
         0.037167515562515706, -0.06633036581213729, 0.09373283499678227,
         -0.10103906603632201, 0.06809705425473789, 0.015379652102620156,
         -0.1396211168405629, 1.2329951186255526]"""

NUMPY = f"""\
def horner(coefficients, x):
    total = np.zeros_like(x)
    for number in coefficients:
        total *= x
        total += number
    return total


def erf_near(x):  # erf(x) / x as a polynomial of x², for |x| ≤ 1
    y = np.minimum(np.abs(x), 1.0)
    return x * horner(
        {_NEAR},
        y * y,
    )


def erfc_far(x):  # erfc(|x|) · exp(x²) · (1 + 2|x|) as a polynomial of (|x| - 4) / (|x| + 4)
    y = np.minimum(np.abs(x), 28.0)  # erfc(28) is 0
    scaled = horner(
        {_FAR},
        (y - 4.0) / (y + 4.0),
    )
    short = np.rint(16.0 * y) / 16.0  # its square is exact
    return scaled / (1.0 + 2.0 * y) * np.exp(-short * short) * np.exp((short - y) * (short + y))


def erf(x):
    return np.where(np.abs(x) < 1.0, erf_near(x), np.copysign(1.0 - erfc_far(x), x))


def erfc(x):
    far = erfc_far(x)
    return np.where(np.abs(x) < 0.5, 1.0 - erf_near(x), np.where(x < 0.0, 2.0 - far, far))

"""

JAVASCRIPT = f"""\
const horner = (coefficients, x) => coefficients.reduce((total, number) => total * x + number, 0);
// erf(x) / x as a polynomial of x², for |x| ≤ 1
const erfNear = (x) => x * horner({_NEAR}, x * x);
// erfc(|x|) · exp(x²) · (1 + 2|x|) as a polynomial of (|x| - 4) / (|x| + 4)
const erfcFar = (x) => {{
  const y = Math.min(Math.abs(x), 28); // erfc(28) is 0
  const scaled = horner({_FAR}, (y - 4) / (y + 4));
  const short = Math.round(16 * y) / 16; // its square is exact
  return scaled / (1 + 2 * y) * Math.exp(-short * short) * Math.exp((short - y) * (short + y));
}};
const erf = (x) => Math.abs(x) < 1 ? erfNear(x) : Math.sign(x) * (1 - erfcFar(x));
const erfc = (x) => Math.abs(x) < 0.5 ? 1 - erfNear(x) : x < 0 ? 2 - erfcFar(x) : erfcFar(x);"""
