import { useMutation } from '@tanstack/react-query'
import { Link, Navigate, useNavigate, useSearchParams } from '../../app/navigation'
import { describe } from '../../api/failure'
import { TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { Page, Panel } from '../../parts/page'
import { Password } from '../../parts/password'
import { Resend } from '../../parts/resend'
import { inside, keepNext, onTheWay } from '../../session/next'
import { useMe } from '../../session/store'
import { register } from './api'
import { useEntryTexts } from './entry-texts'

/** Where the mail went, for a reload of this tab. */
const SENT = 'nano.sent'

/** Making an account. */
export function Component() {
  const { t } = useEntryTexts()
  const [params] = useSearchParams()
  const next = params.get('next')
  const navigate = useNavigate()
  const signUp = useMutation({
    mutationFn: async (values: FormData) => {
      const email = text(values, 'email').trim()
      const name = text(values, 'name').trim() || undefined
      await register({ email, username: text(values, 'username'), password: text(values, 'password'), name })
      keepNext(next)
      sessionStorage.setItem(SENT, email)
      const sent = new URLSearchParams({ sent: '1', ...(next && { next }) })
      await navigate(`/register?${sent}`, { replace: true })
    },
  })
  const fields = signUp.error ? describe(signUp.error).fields : {}
  if (useMe()) return <Navigate to={inside(next)} replace />
  const sent = params.has('sent') && sessionStorage.getItem(SENT)
  if (sent) return <Sent email={sent} next={next} />
  return (
    <Page title={t('register.title')} narrow>
      <Panel>
        <Form onSubmit={(values) => signUp.mutate(values)} error={signUp.error}>
          <TextField
            label={t('fields.email')}
            name="email"
            type="email"
            autoComplete="email"
            required
            error={fields.email}
          />
          <TextField
            label={t('fields.username')}
            name="username"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            hint={t('fields.usernameHint')}
            error={fields.username}
          />
          <TextField
            label={t('fields.name')}
            name="name"
            autoComplete="name"
            optional
            hint={t('fields.nameHint')}
            error={fields.name}
          />
          <Password autoComplete="new-password" hint={t('fields.passwordHint')} error={fields.password} />
          <Submit busy={signUp.isPending} wide>
            {t('register.button')}
          </Submit>
        </Form>
      </Panel>
      <p className="mt-6 text-center">
        {t('register.haveAccount')}{' '}
        <Link to={onTheWay('/login', next)} className="text-accent underline">
          {t('login.title')}
        </Link>
      </p>
    </Page>
  )
}

function Sent({ email, next }: { email: string; next: string | null }) {
  const { t } = useEntryTexts()
  return (
    <Page title={t('register.sentTitle')} narrow>
      <Panel>
        <p className="mb-5">{t('register.sentText', { email })}</p>
        <Resend email={email} next={next ?? undefined} />
      </Panel>
    </Page>
  )
}
