"""Colours as eyes see them: how far apart they are, and whether text can be read."""

import re

import numpy as np

# what people without long-, middle- or short-wave cones see of linear RGB: Machado, Oliveira and
# Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# severity 1
SIGHTS = {
    "full sight": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none for colours": [[0.2126, 0.7152, 0.0722]] * 3,
}
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    """Linear RGB of "#rrggbb", of "rgb(r, g, b)", or of three numbers from 0 to 1."""
    if isinstance(colour, str):
        hexadecimal = re.fullmatch("#(..)(..)(..)", colour)
        parts = hexadecimal.groups() if hexadecimal else re.findall(r"\d+", colour)[:3]
        colour = [int(part, 16 if hexadecimal else 10) / 255 for part in parts]
    rgb = np.array(colour)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def _cielab(colour, sight):
    seen = np.clip(np.array(SIGHTS[sight]) @ linear(colour), 0, 1)
    t = _XYZ @ seen / _XYZ.sum(axis=1)
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, other, sight="full sight"):
    """How different two colours look: ΔE of CIE 1976, of which some 2 can just be noticed."""
    return np.linalg.norm(_cielab(one, sight) - _cielab(other, sight))


def contrast(one, other):
    """From 1 to 21; text wants 4.5, and what carries a meaning 3. Source: WCAG 2.2."""
    dark, light = sorted(_XYZ[1] @ linear(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)
