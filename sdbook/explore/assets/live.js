// The face of an explorer with a kernel: the kernel draws the frame of each state.
function render({ model, el }) {
  el.innerHTML = model.get("markup");
  const figure = el.querySelector("figure");
  const image = figure.querySelector("img");
  const caption = figure.querySelector("figcaption");
  // Otherwise JupyterLab takes the arrow keys for itself.
  for (const input of figure.querySelectorAll("input")) input.dataset.lmSuppressShortcuts = "true";
  const controls = sdbookControls(figure, (position) => {
    model.set("position", position);
    model.save_changes();
  });

  let url = "";
  const show = () => {
    URL.revokeObjectURL(url);
    url = URL.createObjectURL(new Blob([model.get("image")], { type: "image/webp" }));
    image.src = url;
    image.alt = caption.textContent = model.get("message");
  };
  const follow = () => controls.set(model.get("position"));
  const match = () => {
    const { jpThemeLight, vscodeThemeKind = "" } = document.body.dataset;
    model.set("dark", jpThemeLight === "false" || vscodeThemeKind.includes("dark"));
    model.save_changes();
  };

  image.hidden = false;
  show();
  follow();
  match();
  model.on("change:image", show);
  model.on("change:position", follow);
  const observer = new MutationObserver(match);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  return () => {
    observer.disconnect();
    model.off("change:image", show);
    model.off("change:position", follow);
    URL.revokeObjectURL(url);
  };
}

export default { render };
