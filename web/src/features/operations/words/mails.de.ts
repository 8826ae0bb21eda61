/** In German: mails of unknown fate. */
export const mails = {
  mails: {
    title: 'Mails',
    lead: 'Mails, von denen niemand sagen kann, ob sie hinausgingen: Die Verbindung riss ab, nachdem der Mailserver den Text verlangt hatte und bevor seine Antwort aufgeschrieben war. Von selbst gehen sie nicht noch einmal hinaus.',
    how: 'Suchen Sie die Message-ID im Protokoll des Mailservers. Steht sie dort, ging die Mail hinaus.',
    mail: 'Mail',
    to: 'An',
    since: 'Ungewiss seit',
    settled: 'Über diese Mail ist inzwischen entschieden. Laden Sie die Seite neu.',
    sent: {
      action: 'Ging hinaus',
      title: 'Diese Mail ging hinaus',
      text: 'Sie gilt als gesendet und verschwindet aus dieser Liste.',
      done: 'Die Mail gilt als gesendet.',
    },
    send_again: {
      action: 'Noch einmal senden',
      title: 'Diese Mail noch einmal senden',
      text: 'Sie geht mit derselben Message-ID noch einmal hinaus. War sie doch angekommen, kommt sie womöglich zweimal.',
      done: 'Die Mail wird noch einmal gesendet.',
    },
    empty: 'Keine ungewissen Mails',
    emptyText: 'Von jeder Mail steht fest, ob sie hinausging.',
  },
}
