/** Texts of the pages that lead into an account; `entry-en.ts` has the same keys. */
export const entry = {
  fields: {
    email: 'E-Mail-Adresse',
    passwordHint: 'Mindestens 10 Zeichen. Ein ganzer Satz ist leichter zu merken und schwerer zu erraten.',
    username: 'Benutzername',
    usernameHint: '3 bis 32 Zeichen: a–z, 0–9, _ und -',
    name: 'Anzeigename',
    nameHint: 'So sehen andere Sie. Ohne Angabe der Benutzername.',
  },
  again: {
    title: 'Ihre Sitzung ist abgelaufen',
    text: 'Melden Sie sich als {{email}} wieder an. Die Seite bleibt, wie sie ist, mit allem, was Sie geschrieben haben.',
    leave: 'Ohne Anmeldung weiter',
  },
  login: {
    title: 'Anmelden',
    button: 'Anmelden',
    needed: 'Bitte melden Sie sich an, um diese Seite zu sehen.',
    noAccount: 'Noch kein Konto?',
    forgot: 'Passwort vergessen?',
    codeTitle: 'Zweiter Faktor',
    codeLead: 'Das Passwort für {{email}} stimmt. Jetzt fehlt noch der Code aus Ihrer Authenticator-App.',
    code: 'Code',
    codeHint: 'Sechs Ziffern aus der App oder einer Ihrer Wiederherstellungscodes.',
    codeButton: 'Weiter',
    back: 'Mit einem anderen Konto anmelden',
    recoveryHint: 'Einer Ihrer Wiederherstellungscodes.',
    passkey: 'Mit einem Passkey anmelden',
    passkeyLead:
      'Das Passwort für {{email}} stimmt. Jetzt fehlt noch Ihr Passkey oder ein Wiederherstellungscode.',
    passkeyInstead: 'Stattdessen einen Passkey benutzen',
    lost: 'Zweiten Faktor und Codes verloren? Die Administration kann ihn entfernen.',
  },
  register: {
    title: 'Konto anlegen',
    button: 'Konto anlegen',
    haveAccount: 'Schon ein Konto?',
    sentTitle: 'Bitte bestätigen Sie Ihre E-Mail-Adresse',
    sentText:
      'Wir haben eine Mail an {{email}} geschickt. Öffnen Sie den Link darin; er gilt 24 Stunden. Danach können Sie alles nutzen.',
  },
  forgot: {
    title: 'Passwort vergessen',
    lead: 'Nennen Sie uns die Adresse Ihres Kontos. Wir schicken einen Link dorthin, mit dem Sie ein neues Passwort wählen.',
  },
  ask: {
    button: 'Link senden',
    sentReset:
      'Falls es zu {{email}} ein Konto gibt, ist eine Mail unterwegs. Der Link darin gilt eine Stunde und nur einmal.',
    sentVerification:
      'Falls für {{email}} eine Bestätigung aussteht, ist eine Mail unterwegs. Der Link darin gilt 24 Stunden und nur einmal.',
    again: 'Noch einmal senden oder andere Adresse',
    toLogin: 'Zur Anmeldung',
  },
  link: {
    noToken:
      'In der Adresse fehlt der Code aus der Mail. Öffnen Sie den Link vollständig, oder fordern Sie einen neuen an.',
    invalid: 'Dieser Link gilt nicht mehr: Er ist abgelaufen oder schon benutzt.',
    another: 'Hier bekommen Sie einen neuen:',
    alreadyConfirmed:
      'Wenn Sie ihn schon einmal geöffnet haben, ist Ihre Adresse bestätigt, und Sie können sich anmelden.',
    verifyTitle: 'E-Mail-Adresse bestätigen',
    verifying: 'Die Adresse wird bestätigt …',
    verifiedBefore: 'Ihre E-Mail-Adresse ist schon bestätigt; dieser Link wird nicht mehr gebraucht.',
    verified: 'Ihre E-Mail-Adresse ist bestätigt.',
    changed: 'Ihre neue E-Mail-Adresse gilt. Melden Sie sich von jetzt an mit ihr an.',
    otherAccount:
      'Er gilt nur in dem Konto, das ihn angefordert hat. Eine Änderung können Sie hier neu beginnen:',
    toAccount: 'Zum Konto',
    onward: 'Weiter',
  },
  reset: {
    title: 'Neues Passwort wählen',
    password: 'Neues Passwort',
    button: 'Passwort festlegen',
    done: 'Das neue Passwort gilt. Alle Geräte sind abgemeldet, alle Zugriffstokens widerrufen.',
  },
  proof: {
    password: 'Ihr Passwort',
    wrong: 'ist falsch',
    code: 'Code des zweiten Faktors',
    passkeyHint: 'Leer lassen, um einen Passkey zu benutzen. Sonst:',
    codeMissing: 'fehlt',
    codeWrong: 'ist falsch, zu alt oder schon benutzt',
  },
  noPasskey: {
    'given-up': 'Der Browser hat keinen Passkey bekommen: Das wurde abgebrochen oder hat zu lange gedauert.',
    known: 'Auf diesem Gerät gibt es schon einen Passkey für Ihr Konto.',
    failed: 'Der Browser konnte hier keinen Passkey benutzen.',
  },
}
