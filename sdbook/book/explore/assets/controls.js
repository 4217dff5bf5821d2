// The controls of an explorer, in a notebook and on a page.
// Calls moved(position) when the reader moves one; position has an index for each control. Before,
// when the reader takes hold of one, calls taken(index of the control).
// Returns { position, set, sizes }: the position now, a way to change it, how many values there are.
function sdbookControls(figure, { moved, taken }) {
  const controls = [...figure.querySelectorAll(".sdbook-control")].map((control, k) => {
    const inputs = [...control.querySelectorAll("input")];
    const radio = inputs[0].type === "radio";
    const group = "sdbook-" + Math.random().toString(36).slice(2);
    const texts = radio ? [] : JSON.parse(control.dataset.texts);
    const get = () => Number((radio ? inputs.find((input) => input.checked) : inputs[0]).value);
    const spell = () => {
      if (radio) return;
      control.querySelector("output").textContent = texts[get()];
      inputs[0].setAttribute("aria-valuetext", texts[get()]);
      inputs[0].style.setProperty("--share", get() / (texts.length - 1));
    };
    const set = (index) => {
      if (radio) inputs[index].checked = true;
      else inputs[0].value = index;
      spell();
    };
    for (const input of inputs) {
      // Only radio buttons of the same name exclude each other.
      if (radio) input.name = group;
      input.addEventListener("input", () => { spell(); moved(position()); });
    }
    for (const touch of ["pointerdown", "keydown"]) {
      control.addEventListener(touch, () => taken(k));
    }
    spell();
    return { get, set, size: radio ? inputs.length : texts.length };
  });
  const position = () => controls.map((control) => control.get());
  return {
    position,
    set: (indices) => controls.forEach((control, i) => control.set(indices[i])),
    sizes: controls.map((control) => control.size),
  };
}
