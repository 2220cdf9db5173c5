// Returns every text beneath `root`: how it stands out from what is behind it, and to which side.
(root) => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const paint = (colour, opacity) => {
    [brush.fillStyle, brush.globalAlpha] = [colour, opacity];
    brush.fillRect(0, 0, 1, 1);
    return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (colour) => colour
    .map((value) => value / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
    .reduce((sum, value, at) => sum + value * [0.2126, 0.7152, 0.0722][at], 0);
  const contrast = (element) => {
    const styles = [];
    for (let one = element; one; one = one.parentElement) styles.unshift(getComputedStyle(one));
    paint("white", 1);
    const behind = styles.map((style) => paint(style.backgroundColor, 1)).at(-1);
    const opacity = styles.reduce((product, style) => product * style.opacity, 1);
    const [low, high] = [behind, paint(styles.at(-1).color, opacity)].map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  return [...root.querySelectorAll("*")]
    .filter((one) => !one.matches("script, style, option") && one.getClientRects().length > 0)
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .map((one) => ({
      text: one.textContent.trim(),
      contrast: contrast(one),
      right: getComputedStyle(one).textAlign === "right",
      amount: one.closest(".mlops-amount, .amount") !== null,
    }));
}
