/* CodeEditor.tsx - the query box: CodeMirror with LogQL colours, completion, and the server's error at its place. */
import {
  acceptCompletion,
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
  completionStatus,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching } from "@codemirror/language";
import { EditorState, Prec, RangeSetBuilder, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  keymap,
  placeholder,
  ViewPlugin,
  type DecorationSet,
  type ViewUpdate,
} from "@codemirror/view";
import { useEffect, useRef } from "react";
import { lex, type Token } from "@/logql/lex";
import { strings } from "@/strings";
import { completeWith, type LabelSource } from "./completion";

export interface EditorProps {
  value: string;
  errorAt: number | undefined;
  labels: LabelSource;
  onChange: (value: string) => void;
  onRun: () => void;
  /* +1: an older query of the history, -1: a newer one. */
  onHistory: (steps: 1 | -1) => void;
  onLeave: () => void;
  autoFocus?: boolean;
}

const STAGE_WORDS = new Set([
  "json",
  "logfmt",
  "pattern",
  "regexp",
  "unpack",
  "line_format",
  "label_format",
  "decolorize",
  "drop",
  "keep",
  "unwrap",
  "distinct",
  "dedup",
  "stats",
  "patterns",
  "context",
  "join",
  "desc",
]);

/* May be followed by `by (...)` instead of their argument. */
const AGGREGATIONS = new Set([
  "sum",
  "avg",
  "min",
  "max",
  "count",
  "stddev",
  "stdvar",
  "topk",
  "bottomk",
  "sort",
  "sort_desc",
]);
const KEYWORDS = new Set([
  "by",
  "without",
  "and",
  "or",
  "unless",
  "on",
  "ignoring",
  "group_left",
  "group_right",
  "bool",
  "offset",
  ...STAGE_WORDS,
]);

function classOf(token: Token, next: Token | undefined): string | undefined {
  if (token.kind === "space") return undefined;
  if (token.kind !== "word") return `q-${token.kind}`;
  if (KEYWORDS.has(token.text)) return "q-keyword";
  if (next?.text === "(" || AGGREGATIONS.has(token.text)) return "q-function";
  return "q-name";
}

/* Queries are short: the whole of one is coloured again at every change. */
function paint(view: EditorView): DecorationSet {
  const tokens = lex(view.state.doc.toString());
  const builder = new RangeSetBuilder<Decoration>();
  tokens.forEach((token, i) => {
    const name = classOf(
      token,
      tokens.slice(i + 1).find((next) => next.kind !== "space"),
    );
    if (name) builder.add(token.from, token.to, Decoration.mark({ class: name }));
  });
  return builder.finish();
}

const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = paint(view);
    }
    update(update: ViewUpdate) {
      if (update.docChanged) this.decorations = paint(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

const setError = StateEffect.define<number | undefined>();

/* The mark goes away with the next change: it belongs to the text that was sent. */
const errorMark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects)
      if (effect.is(setError)) return markError(transaction.state, effect.value);
    return transaction.docChanged ? Decoration.none : marks;
  },
  provide: (field) => EditorView.decorations.from(field),
});

function markError(state: EditorState, at: number | undefined): DecorationSet {
  const length = state.doc.length;
  if (at === undefined || length === 0) return Decoration.none;
  const token = lex(state.doc.toString()).find((one) => one.from <= at && at < one.to && one.kind !== "space");
  const from = token?.from ?? Math.min(at, length - 1);
  return Decoration.set([Decoration.mark({ class: "q-error" }).range(from, token?.to ?? from + 1)]);
}

export default function CodeEditor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  useEffect(() => {
    if (!host.current) return;
    const run = () => {
      latest.current.onRun();
      return true;
    };
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          Prec.highest(
            keymap.of([
              { key: "Mod-Enter", run },
              { key: "Enter", run: (view) => acceptCompletion(view) || run() },
              { key: "Tab", run: acceptCompletion },
              {
                key: "Alt-ArrowUp",
                run: () => {
                  latest.current.onHistory(1);
                  return true;
                },
              },
              {
                key: "Alt-ArrowDown",
                run: () => {
                  latest.current.onHistory(-1);
                  return true;
                },
              },
              {
                key: "Escape",
                run: (view) => {
                  if (completionStatus(view.state) === null || !closeCompletion(view)) latest.current.onLeave();
                  return true;
                },
              },
            ]),
          ),
          keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          colours,
          errorMark,
          EditorView.lineWrapping,
          placeholder(strings.query.placeholder),
          EditorView.contentAttributes.of({
            "aria-label": strings.query.label,
            spellcheck: "false",
            autocapitalize: "off",
            autocorrect: "off",
          }),
          autocompletion({
            icons: false,
            override: [
              completeWith({
                names: () => latest.current.labels.names(),
                values: (name) => latest.current.labels.values(name),
              }),
            ],
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    if (latest.current.autoFocus) editor.focus();
    return () => editor.destroy();
  }, []);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.state.doc.toString() === props.value) return;
    editor.dispatch({
      changes: { from: 0, to: editor.state.doc.length, insert: props.value },
      selection: { anchor: props.value.length },
    });
  }, [props.value]);

  useEffect(() => {
    view.current?.dispatch({ effects: setError.of(props.errorAt) });
  }, [props.errorAt]);

  return <div className="editor" ref={host} />;
}
