package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestUIModules runs checks of the modules that need no page around them, in a
// browser: what they answer must be what stands beside.
func TestUIModules(t *testing.T) {
	t.Parallel()
	browser := newBrowser(t)
	server := serveProcess(t)
	p := newPage(t, browser, "Ana")
	p.do(chromedp.Navigate(server.URL + "/r/lobby"))
	p.until("ui.ready()")
	p.run(`ui.load = (async () => {
		const base = document.querySelector("script[type=module]").src.replace(/app.entrance.js$/, "");
		for (const name of ["ui/markup", "ui/row", "ui/window", "ui/emoji", "sdk/link", "sdk/outbox"]) Object.assign(globalThis, await import(base + name + ".js"));
		globalThis.flat = (x) => x.map((p) => p.children ? "<" + p.type + ">" + flat(p.children) + "</>" : p.type === "text" ? p.text : "<" + p.type + ":" + p.text + ">").join("");
		globalThis.m = (seq, more) => ({seq, rev: seq, id: "i" + seq, kind: "chat", from: {id: "x", name: "X"}, message: "", at: "", ...more});
		globalThis.none = {you: undefined, outbox: [], history: async () => ({messages: []})};
		globalThis.live = (message, type = "chat", more) => ({message, type, live: true, fresh: true, ...more});
		globalThis.seqs = (w) => w.rows.map((r) => r.seq).join();
		globalThis.pages = (a, b) => Array.from({length: b - a + 1}, (_, i) => m(a + i));
		return true;
	})()`)
	if !eval[bool](p, "ui.load") {
		t.Fatal("the modules do not load")
	}
	for expression, want := range map[string]string{
		"flat(parseInline('a **b** c'))":                                                "a <strong>b</> c",
		"flat(parseInline('2 * 3 * 4 and a_b_c'))":                                      "2 * 3 * 4 and a_b_c",
		"flat(parseInline('*em* _em_ ~~del~~'))":                                        "<em>em</> <em>em</> <del>del</>",
		"flat(parseInline('`**no**`'))":                                                 "<code:**no**>",
		"flat(parseInline('see https://a.example/x_(y)). Then'))":                       "see <link:https://a.example/x_(y)>). Then",
		"flat(parseInline('见https://a.example/b，谢谢'))":                                  "见<link:https://a.example/b>，谢谢",
		"flat(parseInline('javascript:alert(1) ftp://x'))":                              "javascript:alert(1) ftp://x",
		"flat(parseInline('mail a@b.example, hi @Ana_M. and @小明！'))":                    "mail a@b.example, hi <mention:@Ana_M>. and <mention:@小明>！",
		"parse('a\\n\\n- b\\n- c\\n1. d').map((b) => b.type).join()":                    "paragraph,list,list",
		"parse('```js\\n<b>\\n```\\nafter').map((b) => b.type + (b.text ?? '')).join()": "fence<b>,paragraph",
		"parse('> a\\n> > b').map((b) => b.children.map((c) => c.type).join()).join()":  "paragraph,quote",
		"String(onlyEmoji('🎉👩‍👩‍👧') + onlyEmoji('1') + onlyEmoji('a🎉'))":                "1",
		"excerpt('**Bold** and `code`\\nnext')":                                         "Bold and code next",
		"withEmoji('ok :tada: `:tada:` 10:30:45 :nope:')":                               "ok 🎉 `:tada:` 10:30:45 :nope:",

		"(() => { const w = new Window(none, () => {}); w.replace(pages(100, 150), {first: false, last: true}); w.apply(live(m(151))); w.apply(live(m(150, {rev: 152, message: 'e'}), 'edit')); return w.rows.length + w.rows.at(-2).message; })()":                                                                                                    "52e",
		"(() => { const w = new Window(none, () => {}); w.replace(pages(101, 300), {first: false, last: true}); w.older(pages(1, 100), true); const kept = w.rows.length; w.older([], true); return [kept, w.atEnd, w.atStart].join(); })()":                                                                                                           "300,true,true",
		"(() => { const w = new Window(none, () => {}); w.replace(pages(201, 400), {first: false, last: true}); w.older(pages(51, 200), false); return [seqs(w).startsWith('51,'), w.rows.length, w.atEnd, w.apply(live(m(401)), 'me')].join(); })()":                                                                                                  "true,300,false,beyond",
		"(() => { const w = new Window(none, () => {}); w.replace(pages(201, 400), {first: false, last: true}); w.older(pages(1, 200), true); w.apply(live(m(401))); w.newer(pages(301, 400), true); return [w.rows.at(-1).seq, w.atEnd].join(); })()":                                                                                                 "401,true",
		"(() => { const w = new Window(none, () => {}); w.replace(pages(1, 300), {first: true, last: false}); for (let i = 400; i < 700; i++) w.apply(live(m(i))); w.newer(pages(301, 399), true); return w.atEnd; })()":                                                                                                                               "false",
		"(() => { const w = new Window(none, () => {}); w.replace([m(1, {reactions: {a: {count: 1, me: true}}})], {first: true, last: true}); w.apply(live(m(1, {rev: 2, reactions: {a: {count: 2}, b: {count: 1}}}), 'reactions', {by: {id: 'me'}, emoji: 'b', on: true}), 'me'); const r = w.get(1).reactions; return [r.a.me, r.b.me].join(); })()": "true,true",
		"(() => { const w = new Window(none, () => {}); w.replace(pages(5, 9), {first: false, last: true}); return [w.apply(live(m(2, {rev: 10}), 'edit')), seqs(w)].join(' '); })()":                                                                                                                                                                  "false 5,6,7,8,9",

		// What is fetched for a window that is elsewhere by now leaves no hole in it.
		"(async () => { let tell; const w = new Window({...none, history: () => new Promise((r) => tell = r)}, () => {}); w.replace(pages(101, 200), {first: false, last: true}); const older = w.fetchOlder(), told = tell; const jump = w.around(950); told({messages: pages(1, 100)}); tell({messages: pages(900, 1000)}); await Promise.all([older, jump]); return [seqs(w).startsWith('900,'), w.rows.length, w.fetching].join(); })()": "true,101,",
		"(async () => { let tell; const w = new Window({...none, history: () => new Promise((r) => tell = r)}, () => {}); w.replace(pages(101, 400), {first: false, last: true}); const older = w.fetchOlder(); for (let i = 401; i < 500; i++) w.apply(live(m(i))); w.trimStart(); tell({messages: pages(1, 100)}); await older; return w.rows.every((r, i) => i === 0 || r.seq === w.rows[i - 1].seq + 1); })()":                           "true",

		"[plan(4009, '', 0).stop, plan(1008, '', 0).stop, plan(1006, '', 0).stop].join()":                                           "true,true,false",
		"[plan(4200, '', 0).wait, plan(1012, 'restart, come back within 8', 0, 0.5).wait].join()":                                   "0,4000",
		"[plan(1006, '', 0, 0.999).wait <= 500, plan(1006, '', 20, 0.999).wait <= 15000, plan(4100, '', 0, 0).wait >= 2000].join()": "true,true,true",
		// The point at a mention's end is the sentence's, that of a name at its end is nobody's.
		"(() => { const el = document.createElement('div'); fillRow(el, {message: m(1, {message: 'hi @ana_m.', at: '2026-01-01T00:00:00Z'}), first: true, mine: false, me: 'Ana M.'}); return el.querySelector('.mention.me')?.textContent; })()": "@ana_m",

		// What is refused is no more on its way.
		"new Promise((done) => { const o = new Outbox('x', {me: () => 'a', send: () => queueMicrotask(() => { const was = o.unstoredSince > 0; o.refused({type: 'error', code: 'muted', detail: '', id: o.items[0].id}); done([was, o.items[0].state, o.unstoredSince].join()); }) ?? true, onchange() {}, onrefused() {}}); o.load(); o.submit({type: 'chat', message: 'm'}).catch(() => {}); })": "true,failed,0",
		"String(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(newID()))": "true",
		"String(newID(1000) < newID(2000))": "true",
	} {
		if got := eval[string](p, "(async () => String(await "+expression+"))()"); got != want {
			t.Errorf("%s\nis %s\nnot %s", expression, got, want)
		}
	}
	p.calm()
}
