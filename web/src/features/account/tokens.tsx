import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { date, dateTime } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Badge } from '../../parts/badge'
import { Button } from '../../parts/button'
import { Confirm } from '../../parts/confirm'
import { Copy } from '../../parts/copy'
import { useFocusAfter } from '../../parts/focus'
import { FailureNotice, Notice } from '../../parts/notice'
import { Empty, Panel } from '../../parts/page'
import { revokeToken, tokens, type MadeToken, type Token } from './api'
import { Frame } from './frame'
import { NewToken } from './new-token'
import { useTexts } from './texts'

/** A token that ends this soon is pointed out. */
const SOON_MS = 7 * 24 * 60 * 60 * 1000

/** Personal access tokens. */
export function Component() {
  const { t } = useTexts()
  const queries = useQueryClient()
  const { data, error, dataUpdatedAt, refetch } = useQuery(tokens)
  const [making, setMaking] = useState(false)
  const [made, setMade] = useState<MadeToken>()
  const [said, setSaid] = useState('')
  const status = useFocusAfter<HTMLDivElement>(said)
  const maker = useFocusAfter<HTMLDivElement>(`${making} ${made?.token.id}`)
  return (
    <Frame section="tokens">
      <p>
        {t('tokens.lead')}{' '}
        <a href="/docs" className="text-accent underline">
          {t('tokens.docs')}
        </a>
      </p>
      <div ref={maker} tabIndex={-1} className="outline-none">
        {made && <Made made={made} onDone={() => setMade(undefined)} />}
        {making && (
          <Panel title={t('tokens.create')}>
            <NewToken
              onMade={(token) => {
                setMaking(false)
                setMade(token)
                void queries.invalidateQueries(tokens)
              }}
              onCancel={() => setMaking(false)}
            />
          </Panel>
        )}
        {!making && !made && (
          <Button
            look="primary"
            onClick={() => {
              setSaid('')
              setMaking(true)
            }}
          >
            {t('tokens.create')}
          </Button>
        )}
      </div>
      <div ref={status} tabIndex={-1} role="status" className="outline-none">
        {said && <Notice tone="good">{said}</Notice>}
      </div>
      {error && !data && <FailureNotice error={error} retry={() => void refetch()} />}
      {data?.length === 0 && !making && <Empty title={t('tokens.empty')} text={t('tokens.emptyText')} />}
      {data && data.length > 0 && (
        <Panel title={t('tokens.list')}>
          <ul className="divide-y divide-line border-y border-line">
            {data.map((token) => (
              <Row
                key={token.id}
                token={token}
                soon={Date.parse(token.expires_at) - dataUpdatedAt < SOON_MS}
                onRevoked={async () => {
                  await queries.invalidateQueries(tokens)
                  setSaid(t('tokens.revoked', { name: token.name }))
                }}
              />
            ))}
          </ul>
        </Panel>
      )}
    </Frame>
  )
}

interface RowProps {
  token: Token
  soon: boolean
  onRevoked: () => Promise<void>
}

function Row({ token, soon, onRevoked }: RowProps) {
  const { t } = useTexts()
  const language = useLanguage()
  const { name, last_used_at: used } = token
  const expires = { date: date(token.expires_at, language) }
  return (
    <li className="flex flex-wrap items-center justify-between gap-x-6 gap-y-2 py-3">
      <div className="min-w-0 space-y-1">
        <p className="font-medium">{name}</p>
        <p className="flex flex-wrap gap-1.5">
          {token.scopes.map((scope) => (
            <Badge key={scope}>{t(`tokens.scope.${scope}`)}</Badge>
          ))}
          {soon && <Badge tone="warn">{t('tokens.expiresSoon', expires)}</Badge>}
        </p>
        <p className="text-sm text-muted">
          {t('tokens.created', { date: date(token.created_at, language) })},{' '}
          {used ? t('tokens.used', { date: dateTime(used, language) }) : t('tokens.unused')}
          {!soon && `, ${t('tokens.expires', expires)}`}
        </p>
      </div>
      <Confirm
        action={t('tokens.revoke')}
        about={name}
        text={t('tokens.revokeText', { name })}
        danger
        wide={false}
        onConfirm={async () => {
          await revokeToken(token.id)
          await onRevoked()
        }}
      />
    </li>
  )
}

/** A new token with its secret, the only time that it is shown. */
function Made({ made, onDone }: { made: MadeToken; onDone: () => void }) {
  const { t } = useTexts()
  return (
    <Panel title={t('tokens.madeTitle', { name: made.token.name })}>
      <div className="space-y-4">
        <Notice tone="good" urgent>
          {t('tokens.madeText')}
        </Notice>
        <p className="rounded-lg bg-sunken p-4 font-mono text-sm break-all select-all">{made.secret}</p>
        <div className="flex flex-wrap items-center gap-3">
          <Copy text={made.secret} label={t('tokens.copy')} />
          <Button onClick={onDone}>{t('tokens.done')}</Button>
        </div>
      </div>
    </Panel>
  )
}
