from jinja2.runtime import LoopContext, Macro, Markup, Namespace, TemplateNotFound, TemplateReference, TemplateRuntimeError, Undefined, escape, identity, internalcode, markup_join, missing, str_join
name = 'helpdesk'

def root(context, missing=missing):
    resolve = context.resolve_or_missing
    undefined = environment.undefined
    concat = environment.concat
    cond_expr_undefined = Undefined
    if 0: yield None
    l_0_notes = resolve('notes')
    try:
        t_1 = environment.filters['blocks']
    except KeyError:
        @internalcode
        def t_1(*unused):
            raise TemplateRuntimeError("No filter named 'blocks' found.")
    try:
        t_2 = environment.filters['contacts']
    except KeyError:
        @internalcode
        def t_2(*unused):
            raise TemplateRuntimeError("No filter named 'contacts' found.")
    try:
        t_3 = environment.filters['entries']
    except KeyError:
        @internalcode
        def t_3(*unused):
            raise TemplateRuntimeError("No filter named 'entries' found.")
    try:
        t_4 = environment.filters['names']
    except KeyError:
        @internalcode
        def t_4(*unused):
            raise TemplateRuntimeError("No filter named 'names' found.")
    try:
        t_5 = environment.filters['rejectattr']
    except KeyError:
        @internalcode
        def t_5(*unused):
            raise TemplateRuntimeError("No filter named 'rejectattr' found.")
    try:
        t_6 = environment.filters['requirements']
    except KeyError:
        @internalcode
        def t_6(*unused):
            raise TemplateRuntimeError("No filter named 'requirements' found.")
    try:
        t_7 = environment.filters['steps']
    except KeyError:
        @internalcode
        def t_7(*unused):
            raise TemplateRuntimeError("No filter named 'steps' found.")
    pass
    yield '# Release '
    yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'name')))
    yield '\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on'):
        pass
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'title')))
        yield ', released on '
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on')))
        yield '.\n\n'
    yield '<!-- tidegate:edit highlights -->\n'
    yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'highlights'))))
    yield '\n<!-- /tidegate:edit -->\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'):
        pass
        yield '## ⚠️ Breaking Changes\n'
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'))))
        yield '\n\n'
    yield '## 🎉 New Features\n'
    yield str(environment.finalize((t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'features')) or 'None')))
    yield '\n\n## 🐛 Bug Fixes\n'
    yield str(environment.finalize((t_3([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'security'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'fixes')]) or 'None')))
    yield '\n\n## 🔧 Improvements\n'
    yield str(environment.finalize((t_3([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance'), t_5(context, environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'improvements'), 'breaking'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'removed'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'other'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'unconventional')]) or 'None')))
    yield '\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations'):
        pass
        yield '## ⏳ Deprecations\n'
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations'))))
        yield '\n\n'
    yield '## 📚 Documentation\n'
    yield str(environment.finalize((t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'documentation')) or 'None')))
    yield '\n\n## 🚀 Upgrade Instructions\n<!-- tidegate:edit upgrade-instructions -->\n'
    if (environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps') or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide')):
        pass
        yield str(environment.finalize(t_1([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide'), t_7(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps'))])))
        yield '\n'
    elif environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'):
        pass
        yield 'Not written yet, although there are breaking changes.\n'
    else:
        pass
        yield 'No steps beyond the usual ones.\n'
    yield '<!-- /tidegate:edit -->\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'):
        pass
        yield str(environment.finalize(t_6(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'))))
        yield '\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'known_issues'):
        pass
        yield '## 🔍 Known Issues\n'
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'known_issues'))))
        yield '\n\n'
    yield '## 📞 Support\n<!-- tidegate:edit support -->\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contacts'):
        pass
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contacts'))))
        yield '\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'support'):
        pass
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'support'))))
        yield '\n'
    if ((not environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contacts')) and (not environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'support'))):
        pass
        yield 'Not written yet: where users find the documentation, report issues, and get support.\n'
    yield '<!-- /tidegate:edit -->\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contributors'):
        pass
        yield '\n## 🙌 Contributors\n'
        yield str(environment.finalize(t_4(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contributors'))))
        yield '\n'

blocks = {}
debug_info = '2=55&4=57&5=59&9=64&12=66&14=69&18=72&21=74&24=76&26=78&28=81&32=84&36=86&37=88&38=90&45=97&46=99&49=101&51=104&56=107&57=109&59=111&60=113&62=115&66=119&69=122'
