// Before everything else. The first paint has the colours and the language that were chosen on an earlier visit; the program
// does the rest.
;(function () {
  try {
    var theme = localStorage.getItem('nano.theme')
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
    var language = localStorage.getItem('nano.language') || navigator.language || 'de'
    document.documentElement.lang = /^en/i.test(language) ? 'en' : 'de'
  } catch {
    // No storage: as the system has it.
  }
  // The site's policy lets no text become a script. Workers are started by their addresses: those of this site may be.
  if (window.trustedTypes) {
    window.trustedTypes.createPolicy('default', {
      createScriptURL: function (url) {
        return new URL(url, location.href).origin === location.origin ? url : null
      },
    })
  }
})()
