import { useMutation } from '@tanstack/react-query'
import { useSearchParams } from 'react-router'
import { describe } from '../../api/failure'
import { ButtonLink } from '../../parts/button'
import { Form, Submit, text } from '../../parts/form'
import { Notice } from '../../parts/notice'
import { Page, Panel } from '../../parts/page'
import { Password } from '../../parts/password'
import { keptNext, onTheWay } from '../../session/next'
import { resetPassword } from './api'
import { AskLink } from './ask-link'
import { useTexts } from './texts'

/** Where the link in the mail about a forgotten password leads. */
export function Component() {
  const { t } = useTexts()
  const [params] = useSearchParams()
  const token = params.get('token') ?? ''
  const reset = useMutation({
    mutationFn: (values: FormData) => resetPassword(token, text(values, 'password')),
  })
  const failure = reset.error ? describe(reset.error) : undefined
  const useless = token === '' || failure?.code === 'LINK_INVALID'
  return (
    <Page title={t('reset.title')} narrow>
      <Panel>
        {reset.isSuccess ? (
          <div className="space-y-5">
            <Notice tone="good" urgent>
              {t('reset.done')}
            </Notice>
            <ButtonLink look="primary" to={onTheWay('/login', keptNext())}>
              {t('login.title')}
            </ButtonLink>
          </div>
        ) : useless ? (
          <div className="space-y-5">
            <Notice tone="warn" urgent>
              <p>{token === '' ? t('link.noToken') : t('link.invalid')}</p>
              <p>{t('link.another')}</p>
            </Notice>
            <AskLink link="reset" />
          </div>
        ) : (
          <Form onSubmit={(values) => reset.mutate(values)} error={reset.error}>
            <Password
              label={t('reset.password')}
              autoComplete="new-password"
              hint={t('fields.passwordHint')}
              error={failure?.fields.new_password}
            />
            <Submit busy={reset.isPending} wide>
              {t('reset.button')}
            </Submit>
          </Form>
        )}
      </Panel>
    </Page>
  )
}
