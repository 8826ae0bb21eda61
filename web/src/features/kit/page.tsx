import { useState, type ReactNode } from 'react'
import { RequestError } from '../../api/request-error'
import { language } from '../../i18n/language'
import { Badge } from '../../parts/badge'
import { Bar } from '../../parts/bar'
import { Button, ButtonLink } from '../../parts/button'
import { CardPlaceholder } from '../../parts/card'
import { Confirm } from '../../parts/confirm'
import { Select, TextArea, TextField } from '../../parts/field'
import { Form, Submit } from '../../parts/form'
import { Icon, ICONS } from '../../parts/icon'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Page, Panel } from '../../parts/page'
import { Pager } from '../../parts/pager'
import { Stale } from '../../parts/stale'
import { Avatar } from '../../ui/avatar'
import { Ring } from '../../ui/ring'
import { Segments } from '../../ui/segments'
import { Skeleton } from '../../ui/skeleton'

const COLOURS = [
  'bg-paper',
  'bg-surface',
  'bg-sunken',
  'bg-line',
  'bg-edge',
  'bg-ink',
  'bg-muted',
  'bg-accent',
  'bg-accent-strong',
  'bg-accent-soft',
  'bg-sun',
  'bg-sun-soft',
  'bg-good',
  'bg-good-soft',
  'bg-warn',
  'bg-warn-soft',
  'bg-bad',
  'bg-bad-soft',
  'bg-info',
  'bg-info-soft',
  'bg-viol',
  'bg-viol-soft',
]

const TONES = ['plain', 'accent', 'good', 'warn', 'bad'] as const
const NOTICES = ['info', 'good', 'warn', 'bad'] as const
const LOOKS = ['primary', 'secondary', 'danger', 'quiet'] as const

const refusal = (code: string, message: string, details: object = {}) =>
  new RequestError(language(), code === 'OFFLINE' ? undefined : 422, { error: { code, message, details } })

/** Of one moment, so that its waiting time runs down. */
const LIMITED = refusal('RATE_LIMITED', 'Zu viele Anfragen.', { retry_after_seconds: 90 })
const INVALID = refusal('VALIDATION_FAILED', '', { fields: [{ field: 'title', message: 'fehlt' }] })

/** Every part of the design and each of its states, for who builds with them. Only in builds for development. */
export function Component() {
  const [chosen, setChosen] = useState<'a' | 'b' | 'c'>('a')
  return (
    <Page title="Kit">
      <div className="space-y-6">
        <Part title="Colours">
          <ul className="grid grid-cols-3 gap-3 sm:grid-cols-6">
            {COLOURS.map((name) => (
              <li key={name} className="text-sm">
                <span className={`block h-10 rounded-lg border border-line ${name}`} />
                {name.slice(3)}
              </li>
            ))}
          </ul>
        </Part>
        <Part title="Words">
          <p className="text-[3.25rem] leading-tight font-bold tracking-tight">Was lernen Sie?</p>
          <p className="text-3xl font-semibold">Blende, Zeit, ISO</p>
          <p className="text-lg">Drei Regler bestimmen, wie hell ein Foto wird. 0123456789</p>
          <p className="text-sm text-muted tabular-nums">12:05 · 1.284 Nanos · 97 von 151 MB</p>
        </Part>
        <Part title="Buttons">
          {LOOKS.map((look) => (
            <div key={look} className="flex flex-wrap gap-3">
              <Button look={look}>{look}</Button>
              <Button look={look} small>
                {look}
              </Button>
              <Button look={look} busy>
                busy
              </Button>
              <Button look={look} blocked>
                blocked
              </Button>
            </div>
          ))}
          <div className="flex flex-wrap gap-3">
            <ButtonLink to="/kit">
              <Icon name="download" />
              link
            </ButtonLink>
            <Confirm
              action="Archivieren"
              text="Das Nano verschwindet aus dem Katalog."
              onConfirm={() => Promise.reject(LIMITED)}
              wide={false}
            />
          </div>
          <Segments
            label="Segments"
            value={chosen}
            options={[
              ['a', 'Eins'],
              ['b', 'Zwei'],
              ['c', 'Drei'],
            ]}
            onChange={setChosen}
          />
        </Part>
        <Part title="Rings, badges, faces">
          <div className="flex flex-wrap items-center gap-4">
            {[5, 10, 15, 30, 60].map((minutes) => (
              <Ring key={minutes} part={minutes / 60}>
                {minutes}
              </Ring>
            ))}
            <Ring part={0.64} tone="accent" className="size-20">
              64 %
            </Ring>
            <Avatar name="Clara Creator" />
          </div>
          <Bar part={0.4} label="40 %" className="h-2.5" />
          <div className="flex flex-wrap gap-2">
            {TONES.map((tone) => (
              <Badge key={tone} tone={tone}>
                {tone}
              </Badge>
            ))}
          </div>
          <ul className="flex flex-wrap gap-4">
            {ICONS.map((name) => (
              <li key={name} className="flex items-center gap-1.5 text-sm">
                <Icon name={name} />
                {name}
              </li>
            ))}
          </ul>
        </Part>
        <Part title="Fields">
          <Form error={null} onSubmit={() => {}}>
            <TextField label="Titel" name="title" hint="Kurz und genau" optional />
            <TextField label="Titel" name="wrong" error="fehlt" />
            <TextArea label="Beschreibung" name="text" rows={2} />
            <Select
              label="Niveau"
              name="level"
              options={[
                ['1', 'Grundlagen'],
                ['2', 'Aufbau'],
              ]}
            />
          </Form>
          <Form error={INVALID} onSubmit={() => {}}>
            <Submit busy={false}>Senden</Submit>
          </Form>
          <Form error={LIMITED} onSubmit={() => {}}>
            <Submit busy={false}>Senden</Submit>
          </Form>
        </Part>
        <Part title="States">
          {NOTICES.map((tone) => (
            <Notice key={tone} tone={tone} urgent={false}>
              {tone}
            </Notice>
          ))}
          <FailureNotice error={refusal('OFFLINE', '')} retry={() => {}} />
          <FailureNotice error={refusal('INTERNAL', 'Das hat nicht geklappt.', { request_id: '01a22d3e' })} />
          <Stale since={0} retry={() => {}} />
          <Empty title="Noch kein Nano" text="Beschreiben Sie Ihre erste Lerneinheit.">
            <ButtonLink look="primary" to="/kit">
              Neues Nano
            </ButtonLink>
          </Empty>
          <div className="grid gap-4 sm:grid-cols-2">
            <CardPlaceholder />
            <div className="space-y-3">
              <Skeleton className="h-6 w-1/2" />
              <Skeleton className="h-24" />
            </div>
          </div>
          <Pager meta={{ page: 2, total: 100, per_page: 24 }} to={(page) => `/kit?page=${page}`} />
        </Part>
      </div>
    </Page>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Panel title={title}>
      <div className="space-y-4">{children}</div>
    </Panel>
  )
}
