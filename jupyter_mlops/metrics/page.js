// What every picture needs: see page.py.

// Returns the text that page.py has packed into an element.
async function unpack(element) {
  const bytes = Uint8Array.from(atob(element.textContent.trim()), (char) => char.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// Returns BokehJS of that version, which is unpacked once in a page.
async function loadBokeh(root, version) {
  if (window.Bokeh?.[version]) return window.Bokeh[version];
  const source = await unpack(root.querySelector(".bokehjs"));
  if (!window.Bokeh?.[version]) {
    const script = document.createElement("script");
    script.textContent = source;
    document.head.append(script);
  }
  return window.Bokeh[version] ?? window.Bokeh;
}

// Calls `repaint` whenever the colours around `root` may have changed, as long as it is shown.
function watchTheme(root, repaint) {
  const observer = new MutationObserver(() => {
    if (root.isConnected) requestAnimationFrame(repaint);
    else observer.disconnect();
  });
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
}
