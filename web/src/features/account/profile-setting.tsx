import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { LANGUAGES } from '../../api/choices'
import { describe } from '../../api/failure'
import type { Language, Me } from '../../api/types'
import { languageName } from '../../format'
import { useLanguage } from '../../i18n/setup'
import { Select, TextArea, TextField } from '../../parts/field'
import { Form, Submit, text } from '../../parts/form'
import { FailureNotice, Notice } from '../../parts/notice'
import { Rows } from '../../parts/rows'
import { reload } from '../../session/session'
import { editProfile, profile, type Profile, type ProfileEdit } from './api'
import { Setting, useClose } from './setting'
import { useTexts } from './texts'

/** What one says of oneself. */
export function ProfileSetting({ me }: { me: Me }) {
  const { t } = useTexts()
  const { data, error, refetch } = useQuery(profile(me.id))
  if (error && !data) return <FailureNotice error={error} retry={() => void refetch()} />
  if (!data?.own) return null
  const { own, bio, company, job_title: job } = data
  const rows = [
    [t('fields.name'), data.name],
    [t('profile.bio'), bio && <span className="whitespace-pre-line">{bio}</span>],
    [t('profile.company'), company],
    [t('profile.job'), job],
    [t('profile.phone'), own.phone],
  ] as const
  const value = (
    <div className="mt-3 space-y-4">
      <Rows rows={rows.filter(([, value]) => value)} />
      {own.pending && (
        <Notice tone={own.pending.findings ? 'warn' : 'info'}>
          {t(own.pending.findings ? 'profile.held' : 'profile.pending')}
        </Notice>
      )}
    </div>
  )
  return (
    <Setting title={t('profile.title')} value={value}>
      <ProfileForm profile={data} />
    </Setting>
  )
}

/** The words of the form: those that wait are what its owner has written last. */
function words({ name, bio, company, job_title, own }: Profile) {
  return own?.pending ?? { name, bio, company, job_title }
}

/** What the form changes: what it leaves as it was stays as it is, whoever changes that meanwhile. */
function changes(before: Profile, values: FormData): ProfileEdit {
  const written = {
    name: text(values, 'name').trim(),
    bio: text(values, 'bio').trim(),
    company: text(values, 'company').trim(),
    job_title: text(values, 'job_title').trim(),
    phone: text(values, 'phone').trim(),
    language: text(values, 'language') as Language,
  }
  const known: Record<string, unknown> = {
    ...words(before),
    phone: before.own?.phone ?? '',
    language: before.own?.language,
  }
  return Object.fromEntries(Object.entries(written).filter(([name, value]) => value !== known[name]))
}

function ProfileForm({ profile: before }: { profile: Profile }) {
  const { t } = useTexts()
  const language = useLanguage()
  const close = useClose()
  const queries = useQueryClient()
  const edit = useMutation({
    mutationFn: async (values: FormData) => {
      const after = await editProfile(before.id, changes(before, values))
      queries.setQueryData(profile(before.id).queryKey, after)
      await reload()
    },
    onSuccess: () => close(t('profile.saved')),
  })
  const fields = edit.error ? describe(edit.error).fields : {}
  const start = words(before)
  return (
    <Form onSubmit={(values) => edit.mutate(values)} error={edit.error}>
      <TextField
        label={t('fields.name')}
        name="name"
        autoComplete="name"
        required
        maxLength={100}
        defaultValue={start.name}
        error={fields.name}
      />
      <TextArea
        label={t('profile.bio')}
        name="bio"
        rows={4}
        optional
        maxLength={500}
        defaultValue={start.bio}
        error={fields.bio}
      />
      <div className="grid gap-5 sm:grid-cols-2">
        <TextField
          label={t('profile.company')}
          name="company"
          autoComplete="organization"
          optional
          maxLength={100}
          defaultValue={start.company}
          error={fields.company}
        />
        <TextField
          label={t('profile.job')}
          name="job_title"
          autoComplete="organization-title"
          optional
          maxLength={100}
          defaultValue={start.job_title}
          error={fields.job_title}
        />
      </div>
      <TextField
        label={t('profile.phone')}
        name="phone"
        type="tel"
        autoComplete="tel"
        optional
        defaultValue={before.own?.phone ?? ''}
        hint={t('profile.phoneHint')}
        error={fields.phone}
      />
      <Select
        label={t('profile.language')}
        name="language"
        defaultValue={before.own?.language}
        options={LANGUAGES.map((tag) => [tag, languageName(tag, language)] as const)}
        error={fields.language}
      />
      <Submit busy={edit.isPending}>{t('translation:common.save')}</Submit>
    </Form>
  )
}
