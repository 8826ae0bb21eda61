/** In German: maintenance. */
export const maintenance = {
  maintenance: {
    title: 'Wartung',
    lead: 'Während einer Wartung lässt sich lesen, suchen, herunterladen und anmelden, aber nichts ändern, und kein Job beginnt.',
    off: 'Keine Wartung',
    offText: 'Änderungen werden angenommen, und Jobs laufen.',
    on: 'Wartung läuft',
    onText:
      'Alle lesen diesen Hinweis auf jeder Seite. Was schon lief, läuft zu Ende: Warten Sie, bis unter „Worker“ kein Job mehr läuft.',
    since: 'Seit',
    retry: 'Erneut versuchen nach',
    message: 'Hinweis für alle',
    messageHint: 'Steht auf jeder Seite und im Audit-Log. Am besten mit der Uhrzeit, zu der es weitergeht.',
    begin: 'Wartung beginnen',
    beginTitle: 'Wartung beginnen?',
    beginText:
      'In ein bis zwei Sekunden nimmt die Plattform keine Änderungen mehr an, und kein Job beginnt. Eine Pause von allem geht in der Wartung auf und endet mit ihr.',
    begun: 'Die Wartung hat begonnen.',
    change: 'Hinweis ändern',
    changeTitle: 'Hinweis ändern',
    changeText: 'Die Wartung geht weiter, mit diesem Hinweis und dieser Zeit.',
    changed: 'Der Hinweis ist geändert.',
    end: 'Wartung beenden',
    endTitle: 'Wartung beenden?',
    endText: 'Änderungen werden wieder angenommen, und die Queues laufen weiter.',
    ended: 'Die Wartung ist beendet.',
  },
}
