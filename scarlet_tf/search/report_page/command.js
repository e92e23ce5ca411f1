// The command that exports a network, and copying it.

// As Python's shlex.quote.
const quote = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

// Its words; the first stands for the program.
function exportCommand(index) {
  const { model, weights } = data.export;
  const genotype = networks.genotype[index];
  const words = [`--model=${model}:${genotype}`];
  if (weights !== null) words.push(`--weights=${weights}`);
  else words.push(`--image_size=${data.image_size}`, `--num_classes=${data.num_classes}`); // of weights they are known
  words.push("--format=tflite", `--output_dir=exported/${data.space.name}-${genotype}`);
  return ["python -m scarlet_tf.export", ...words.map(quote)];
}

// The clipboard is closed to some pages opened from disk; an edit command on a selection is not.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
    const focused = document.activeElement;
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return copied;
  }
}

function setUpCopying(button, code, announce) {
  button.addEventListener("click", async () => {
    const copied = await copyText(code.textContent);
    if (!copied) getSelection().selectAllChildren(code);
    button.textContent = copied ? "Copied" : "Selected";
    announce(copied ? "Command copied" : "Command selected: copy it with Ctrl+C");
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
