// Without this script the page works and stands still. With it: it is live, corrections need no new page, and the
// theme can be chosen.
(() => {
  'use strict';
  const root = document.documentElement;
  const chosen = () => { try { return localStorage.getItem('moai-theme'); } catch { return null; } };
  // Before the first paint, so that nothing flashes.
  if (chosen()) root.dataset.theme = chosen();

  addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme').addEventListener('click', () => {
      const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
      root.dataset.theme = dark ? 'light' : 'dark';
      try { localStorage.setItem('moai-theme', root.dataset.theme); } catch { /* it holds for this page */ }
    });
    const panels = document.getElementById('panels');
    if (panels) live(panels, document.getElementById('live'));
  });

  function live(panels, light) {
    let loading = false, again = false, fresh = true, source = null, later = 0;
    const say = (state) => {
      light.className = state === 'live' ? 'live on' : 'live off';
      light.textContent = light.dataset[state];
    };

    async function load() {
      if (loading) { again = true; return; }
      loading = true; again = false;
      try {
        const answer = await fetch(panels.dataset.panels, { redirect: 'manual' });
        // Logged out, or the key was taken back: the page itself leads to the login.
        if (answer.status === 401 || answer.status === 403) { source.close(); location.reload(); return; }
        if (answer.ok) show(await answer.text());
      } catch { say('away'); } finally { loading = false; }
      if (again) load();
    }

    // Whoever is at a button with the keyboard stays there.
    function show(html) {
      const at = document.activeElement && document.activeElement.id;
      panels.innerHTML = html;
      const there = at && document.getElementById(at);
      if (there) there.focus({ preventScroll: true });
    }

    panels.addEventListener('submit', async (event) => {
      event.preventDefault();
      const form = event.target, body = new URLSearchParams(new FormData(form));
      if (event.submitter && event.submitter.name) body.set(event.submitter.name, event.submitter.value);
      for (const button of form.querySelectorAll('button')) button.disabled = true;
      try {
        const answer = await fetch(form.action, { method: 'POST', body, redirect: 'manual' });
        if (answer.type !== 'opaqueredirect' && !answer.ok) { say('failed'); }
      } catch { say('failed'); }
      load();
    });

    function listen() {
      clearTimeout(later);
      source = new EventSource('/dashboard/events');
      // The first event only opens the stream; the page has just come.
      source.onmessage = () => { say('live'); if (!fresh) load(); fresh = false; };
      source.onerror = () => {
        say('away');
        // The browser tries again by itself, unless it was turned away: then later, and the page asks meanwhile.
        if (source.readyState === EventSource.CLOSED) { load(); later = setTimeout(listen, 30000); }
      };
    }

    // A page that nobody sees does not watch: a browser has six connections to a host, for all its tabs together.
    document.addEventListener('visibilitychange', () => {
      clearTimeout(later);
      if (document.hidden) source.close(); else listen();
    });
    listen();
  }
})();
