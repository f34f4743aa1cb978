/**
 * The box a filter is written in: proposals as one types, and what is wrong with the filter. An editable combobox
 * with a list, as the ARIA practices have it; nothing is chosen until an arrow or Tab says so, so that Enter searches.
 */

import type { JSX, TargetedInputEvent, TargetedKeyboardEvent } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Completion, FilterProblem } from "../core/types.ts";
import { newPrefix } from "./context.ts";

const WAIT_MS = 90;

interface FilterInputProps {
  value: string;
  label: string;
  placeholder: string;
  title?: string | undefined;
  /** A problem that is not of an unfinished filter marks the box as wrong. */
  problem?: FilterProblem | null;
  change(text: string): void;
  /** Enter with nothing chosen; `back` with Shift. */
  submit?(back: boolean): void;
  /** Arrow down with no list open. */
  leave?(): void;
  /** What may stand at a place; without it the box is a plain search box. */
  complete?: ((text: string, at: number) => Promise<Completion[]>) | undefined;
}

/** The text with a proposal put in, and where the cursor stands then. */
export function accepted(text: string, item: Completion): { text: string; at: number } {
  // A name is followed by an operator, and all but an open bracket by a space: one key press less.
  const gap = /[(.[]$/.test(item.text) || /^[\s)\].,]/.test(text.slice(item.end)) ? "" : " ";
  return { text: text.slice(0, item.start) + item.text + gap + text.slice(item.end), at: item.start + item.text.length + gap.length };
}

export function FilterInput({ value, label, placeholder, title, problem, change, submit, leave, complete }: FilterInputProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [prefix] = useState(newPrefix);
  const [items, setItems] = useState<readonly Completion[]>([]);
  const [active, setActive] = useState(-1);
  const state = useRef({ ticket: 0, timer: 0 as unknown as ReturnType<typeof setTimeout>, cursor: -1 });
  const close = (): void => {
    state.current.ticket++;
    clearTimeout(state.current.timer);
    setItems([]);
    setActive(-1);
  };
  useEffect(() => close, []);
  // After a proposal was put in, the cursor belongs behind it, not at the end.
  useLayoutEffect(() => {
    const { cursor } = state.current;
    if (cursor >= 0) input.current?.setSelectionRange(cursor, cursor);
    state.current.cursor = -1;
  }, [value]);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);

  const propose = (text: string, at: number, wait = WAIT_MS): void => {
    if (!complete) return;
    const ticket = ++state.current.ticket;
    clearTimeout(state.current.timer);
    state.current.timer = setTimeout(() => {
      complete(text, at).then(
        (found) => {
          if (ticket !== state.current.ticket) return;
          setItems(found);
          setActive(-1);
        },
        () => undefined, // proposals are a help; what is wrong is said where the filter is used
      );
    }, wait);
  };
  const put = (item: Completion): void => {
    const { text, at } = accepted(value, item);
    close();
    state.current.cursor = at;
    change(text);
    input.current?.focus();
    propose(text, at, 0);
  };
  const onInput = ({ currentTarget: { value: text, selectionStart } }: TargetedInputEvent<HTMLInputElement>): void => {
    change(text);
    // What is not asked anew is shown no longer: a proposal fits the text it was made for.
    close();
    if (text.trim() !== "") propose(text, selectionStart ?? text.length);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    const { key } = event;
    const isOpen = items.length > 0;
    const first = items[0];
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (!isOpen && key === "ArrowDown") {
        if (event.altKey) propose(value, event.currentTarget.selectionStart ?? value.length, 0);
        else leave?.();
      } else if (isOpen) {
        // One step past either end is the text itself.
        const by = key === "ArrowDown" ? 1 : -1;
        setActive(((active + 1 + by + items.length + 1) % (items.length + 1)) - 1);
      } else return;
    } else if (key === "Enter") {
      const chosen = items[active];
      if (chosen) put(chosen);
      else {
        close();
        submit?.(event.shiftKey);
      }
    } else if (key === "Tab" && isOpen && !event.shiftKey && (active >= 0 || (first && first.end > first.start))) {
      put(items[Math.max(active, 0)] as Completion);
    } else if (key === "Escape" && isOpen) close();
    else {
      if (/^(Arrow|Home|End)/.test(key)) close(); // what is proposed is for another place
      return;
    }
    event.preventDefault();
  };
  const isOpen = items.length > 0;
  return (
    <>
      <input
        ref={input}
        type="text"
        role={complete ? "combobox" : "searchbox"}
        aria-label={label}
        aria-invalid={problem && !problem.unfinished ? true : undefined}
        aria-autocomplete={complete ? "list" : undefined}
        aria-expanded={complete ? isOpen : undefined}
        aria-controls={isOpen ? prefix : undefined}
        aria-activedescendant={active >= 0 ? `${prefix}-${active}` : undefined}
        placeholder={placeholder}
        title={title}
        autocomplete="off"
        spellcheck={false}
        value={value}
        onInput={onInput}
        onKeyDown={onKeyDown}
        onBlur={close}
        onClick={close}
      />
      {isOpen && (
        // Not a stop of its own: Chromium makes one of what scrolls, and Tab puts a proposal in.
        <ul class="sb-props" role="listbox" id={prefix} aria-label="Proposals" tabIndex={-1} ref={list}>
          {items.map((item, i) => (
            <li
              key={item.text}
              id={`${prefix}-${i}`}
              role="option"
              aria-selected={i === active}
              // Not onClick: the box must keep the focus, or it would close the list first.
              onPointerDown={(event) => {
                event.preventDefault();
                put(item);
              }}
            >
              <code>{item.text}</code> <span>{item.help || item.kind}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** What is wrong with a filter, the place marked; quiet while more text may mend it. */
export function FilterNote({ text, problem }: { text: string; problem: FilterProblem }): JSX.Element {
  const { at, length = 1, message, unfinished } = problem;
  const isIn = typeof at === "number" && at >= 0 && at < text.length;
  return (
    <div class={unfinished ? "sb-find-note sb-soft" : "sb-find-note"} role="status">
      {message}{" "}
      {isIn && <code>{text.slice(0, at)}<mark>{text.slice(at, at + length)}</mark>{text.slice(at + length)}</code>}
    </div>
  );
}
