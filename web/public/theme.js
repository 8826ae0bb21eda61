// Before the first paint: the colours and the language that were chosen on an earlier visit. The program does the rest.
;(function () {
  try {
    var theme = localStorage.getItem('nano.theme')
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
    var language = localStorage.getItem('nano.language') || navigator.language || 'de'
    document.documentElement.lang = /^en/i.test(language) ? 'en' : 'de'
  } catch {
    // No storage: as the system has it.
  }
})()
