// An explorer in a notebook: shows the frames that its kernel draws for this page.
function render({ model, el }) {
  el.innerHTML = model.get("markup");
  const figure = el.querySelector("figure");
  const image = figure.querySelector("img");
  const caption = figure.querySelector("figcaption");
  // Otherwise JupyterLab takes the arrow keys for itself.
  for (const input of figure.querySelectorAll("input")) input.dataset.lmSuppressShortcuts = "true";

  // What the kernel answered, by state.
  const frames = new Map();
  const name = ({ position, dark }) => `${position} ${dark}`;
  const keep = ({ message, error, ...state }, file) => {
    if (frames.has(name(state))) return;
    const url = error ? "" : URL.createObjectURL(new Blob([file], { type: "image/png" }));
    frames.set(name(state), { url, text: error ?? message });
  };
  const show = ({ url, text }) => {
    image.hidden = !url;
    if (url) image.src = url;
    image.alt = text;
    // Written only when it changes, because a screen reader speaks what is written here.
    if (caption.textContent !== text) caption.textContent = text;
  };

  const here = () => {
    const { jpThemeLight, vscodeThemeKind = "" } = document.body.dataset;
    const dark = jpThemeLight === "false" || vscodeThemeKind.includes("dark");
    return { position: model.get("position"), dark };
  };
  // Where the control that the reader holds leads to, the nearest first.
  let held = null;
  const ahead = () => {
    if (held === null) return [];
    const { position, dark } = here();
    const away = (index) => Math.abs(index - position[held]);
    return [...Array(controls.sizes[held]).keys()]
      .sort((one, other) => away(one) - away(other))
      .map((index) => ({ position: Object.assign([...position], { [held]: index }), dark }));
  };

  // One question at a time: what the reader passes before it is answered is never drawn.
  let asked = null;
  const ask = () => {
    if (asked) return;
    const states = [here(), ...ahead()];
    const state = states.find((each) => !frames.has(name(each)));
    if (!state) return;
    asked = { name: name(state), show: state === states[0] };
    model.send(state);
  };
  const answered = (answer, [file]) => {
    keep(answer, file);
    const now = frames.get(name(here()));
    if (asked?.name === name(answer)) {
      // A reader who has gone on sees at least where they were.
      if (now || asked.show) show(now ?? frames.get(asked.name));
      asked = null;
    }
    ask();
  };
  const follow = () => {
    controls.set(model.get("position"));
    const now = frames.get(name(here()));
    if (now) show(now);
    // What failed is tried again when the reader comes back to it.
    if (now && !now.url) frames.delete(name(here()));
    ask();
  };
  const controls = sdbookControls(figure, {
    moved: (position) => {
      model.set("position", position);
      model.save_changes();
    },
    taken: (control) => {
      held = control;
      setTimeout(ask); // after the move that the same touch may make
    },
  });

  const first = model.get("first");
  keep(first, first.image);
  show(frames.get(name(first)));
  follow();
  model.on("msg:custom", answered);
  model.on("change:position", follow);
  const observer = new MutationObserver(follow);
  observer.observe(document.body, { attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"] });
  return () => {
    observer.disconnect();
    model.off("msg:custom", answered);
    model.off("change:position", follow);
    for (const { url } of frames.values()) URL.revokeObjectURL(url);
  };
}

export default { render };
