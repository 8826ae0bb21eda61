import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react'
import { useNavigate } from '../../app/navigation'
import { PLACES } from '../../app/places'
import { SCHEMES, setScheme } from '../../app/theme'
import { setLanguage } from '../../i18n/setup'
import { Icon, type IconName } from '../../parts/icon'
import { useSession, type Access } from '../../session/store'
import { SECTIONS } from '../operations/sections'
import { matching } from './match'
import { useTexts } from './texts'

interface Command {
  words: string
  icon: IconName
  run: () => void
}

const JOB_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

// The overview is one of the site's places.
const [, ...OPERATIONS] = SECTIONS
const FAILED = '/operations/jobs?state=retryable,discarded,quarantined'

/** Everything this person may go to or set, and what the typed words mean besides. */
function useCommands(typed: string): Command[] {
  const { t } = useTexts()
  const navigate = useNavigate()
  const me = useSession(({ me }) => me)
  const may = (access?: Access) =>
    !access || (access === 'session' ? me !== undefined : (me?.permissions.includes(access) ?? false))
  const go = (words: string, to: string, icon: IconName = 'search'): Command => ({
    words,
    icon,
    run: () => void navigate(to),
  })
  const section = (name: (typeof OPERATIONS)[number][0] | 'failed') =>
    t('operations', { section: t(`sections.${name}`) })
  const all: Command[] = [
    ...PLACES.filter(({ access }) => may(access)).map(({ to, title, icon }) =>
      go(t(`translation:${title}`), to, icon),
    ),
    ...(may('nanos:create') ? [go(t('create'), '/studio/new', 'upload')] : []),
    ...(may('moderation:decide') ? [go(t('reports'), '/moderation/reports', 'check')] : []),
    ...OPERATIONS.filter(([, , access]) => may(access ?? 'jobs:read')).map(([name, to]) =>
      go(section(name), to, name === 'users' ? 'person' : 'pulse'),
    ),
    ...(may('jobs:read') ? [go(section('failed'), FAILED, 'pulse')] : []),
    ...(may('session')
      ? [
          go(t('lists'), '/lists', 'heart'),
          go(t('messages'), '/chats', 'message'),
          go(t('translation:nav.account'), '/account', 'person'),
          go(t('security'), '/account/security', 'person'),
          go(t('tokens'), '/account/tokens', 'person'),
        ]
      : [go(t('translation:nav.login'), '/login', 'person')]),
    { words: t('language', { name: 'Deutsch' }), icon: 'text', run: () => setLanguage('de') },
    { words: t('language', { name: 'English' }), icon: 'text', run: () => setLanguage('en') },
    ...SCHEMES.map((scheme) => ({
      words: t('scheme', { name: t(`translation:site.schemes.${scheme}`) }),
      icon: 'star' as const,
      run: () => setScheme(scheme),
    })),
  ]
  const words = typed.trim()
  const found = matching(all, words, (command) => command.words)
  if (words === '') return found
  if (may('jobs:read') && JOB_ID.test(words))
    return [go(t('job', { id: `…${words.slice(-6)}` }), `/operations/jobs/${words}`, 'pulse')]
  return [...found, go(t('search', { words }), `/?${new URLSearchParams({ q: words })}`)]
}

/** Pages and settings by the first letters of their names. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTexts()
  const dialog = useRef<HTMLDialogElement>(null)
  const list = useRef<HTMLDivElement>(null)
  const id = useId()
  const [typed, setTyped] = useState('')
  const [place, setPlace] = useState(0)
  const commands = useCommands(typed)
  const chosen = Math.min(place, commands.length - 1)
  useEffect(() => {
    const shown = dialog.current
    if (shown && !shown.open) shown.showModal()
  }, [])
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [chosen])
  const run = (command: Command | undefined) => {
    if (!command) return
    onClose()
    command.run()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Partial<Record<string, number>> = { ArrowDown: 1, ArrowUp: commands.length - 1 }
    const step = steps[event.key]
    if (step !== undefined && commands.length > 0) {
      event.preventDefault()
      setPlace((chosen + step) % commands.length)
    } else if (event.key === 'Enter') {
      event.preventDefault()
      run(commands[chosen])
    }
  }
  return (
    <dialog
      ref={dialog}
      aria-label={t('title')}
      onClose={onClose}
      className="mx-auto mt-[12vh] w-[min(36rem,calc(100vw-2rem))] rounded-xl border border-line bg-surface p-0 text-ink shadow-raised"
    >
      <div className="relative border-b border-line">
        <Icon
          name="search"
          className="pointer-events-none absolute top-1/2 left-4 size-5 -translate-y-1/2 text-muted"
        />
        <input
          role="combobox"
          aria-label={t('field')}
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
          aria-autocomplete="list"
          autoComplete="off"
          spellCheck={false}
          placeholder={t('field')}
          value={typed}
          maxLength={200}
          onKeyDown={onKeyDown}
          onChange={(event) => {
            setTyped(event.target.value)
            setPlace(0)
          }}
          className="min-h-13 w-full rounded-t-xl bg-transparent pr-4 pl-12 text-lg"
        />
      </div>
      <div
        ref={list}
        id={id}
        role="listbox"
        aria-label={t('title')}
        className="max-h-[50vh] overflow-y-auto p-2"
      >
        {commands.map((command, at) => (
          // The field has the focus and the keys; this is for who points.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div
            key={command.words}
            id={`${id}-${at}`}
            role="option"
            tabIndex={-1}
            aria-selected={at === chosen}
            onPointerMove={() => setPlace(at)}
            onClick={() => run(command)}
            className={`flex min-h-10 cursor-pointer items-center gap-3 rounded-lg px-3 ${at === chosen ? 'bg-accent-soft text-accent' : ''}`}
          >
            <Icon name={command.icon} className="size-4" />
            {command.words}
          </div>
        ))}
      </div>
      <p role="status" className="sr-only">
        {commands.length === 0 ? t('none') : t('found', { count: commands.length })}
      </p>
      <p className="border-t border-line px-4 py-2 text-sm text-muted max-sm:hidden">{t('keys')}</p>
    </dialog>
  )
}
