// A field for Python with the colours of its syntax, in which a line can be marked as wrong.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--local)" },
  { tag: [tags.number, tags.bool], color: "var(--forward)" },
  { tag: tags.string, color: "var(--positive)" },
  { tag: tags.comment, color: "var(--name)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName))], color: "var(--upstream)" },
]);
const LOOK = EditorView.theme({
  "&": { border: "1px solid var(--ink)", borderRadius: "5px", backgroundColor: "var(--field)", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--ink)", outlineOffset: "2px" },
  ".cm-scroller": { font: "15px/1.5 ui-monospace, Menlo, Consolas, monospace", minHeight: "8em", maxHeight: "40vh" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--name)", border: "0" },
  ".cm-wrong": { boxShadow: "inset 4px 0 var(--gradient)", textDecoration: "wavy underline var(--gradient)" },
});

const mark = StateEffect.define();
const marked = StateField.define({
  create: () => Decoration.none,
  update(before, change) {
    for (const { value } of change.effects.filter((effect) => effect.is(mark))) {
      return value === null ? Decoration.none
        : Decoration.set(Decoration.line({ class: "cm-wrong" }).range(change.state.doc.line(value).from));
    }
    return change.docChanged ? Decoration.none : before;
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Puts an editor into an element: `text()`, `write(text)`, `wrong(line)`, with null for none.
// Ctrl and Enter call `run`. Tab leads on to the next field, as everywhere on the page.
export function editor(element, label, run) {
  const extensions = [
    lineNumbers(), history(), python(), marked, LOOK, syntaxHighlighting(COLORS), EditorView.lineWrapping,
    keymap.of([{ key: "Mod-Enter", run: () => run() ?? true }, ...defaultKeymap, ...historyKeymap]),
    EditorView.contentAttributes.of({ "aria-label": label, autocapitalize: "off" }),
  ];
  // within a shadow, styles are objects, which the page's policy allows, and no elements
  const view = new EditorView({ parent: element.attachShadow({ mode: "open" }) });
  const write = (doc) => view.setState(EditorState.create({ doc, extensions }));
  write("");
  return {
    text: () => view.state.doc.toString(),
    write,
    wrong(line) {
      const found = line === null || line > view.state.doc.lines ? null : line;
      if (!found && !view.state.field(marked).size) return; // what is being selected stays selected
      const seen = found ? [EditorView.scrollIntoView(view.state.doc.line(found).from)] : [];
      view.dispatch({ effects: [mark.of(found), ...seen] }); // the cursor stays: one may be typing
    },
  };
}
