from jinja2.runtime import LoopContext, Macro, Markup, Namespace, TemplateNotFound, TemplateReference, TemplateRuntimeError, Undefined, escape, identity, internalcode, markup_join, missing, str_join
name = 'moko'

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
        t_2 = environment.filters['entries']
    except KeyError:
        @internalcode
        def t_2(*unused):
            raise TemplateRuntimeError("No filter named 'entries' found.")
    try:
        t_3 = environment.filters['requirements']
    except KeyError:
        @internalcode
        def t_3(*unused):
            raise TemplateRuntimeError("No filter named 'requirements' found.")
    pass
    yield '# '
    yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'title')))
    yield ' '
    yield str(environment.finalize((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'version') or 'Unreleased')))
    yield '\n\n## Version\n'
    yield str(environment.finalize((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'version') or 'No version yet')))
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on'):
        pass
        yield ', released on '
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on')))
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'previous'):
        pass
        yield '. It follows '
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'previous')))
    yield '.\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'highlights'):
        pass
        yield '## Highlights\n'
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'highlights'))))
        yield '\n\n'
    yield '## Features\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'features')) or 'None')))
    yield '\n\n## Fixes\n'
    yield str(environment.finalize((t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'security'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'fixes')]) or 'None')))
    yield '\n\n'
    if ((((((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance') or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'improvements')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'removed')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'documentation')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'other')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'unconventional')):
        pass
        yield '## Other changes\n'
        yield str(environment.finalize(t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'improvements'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'removed'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'documentation'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'other'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'unconventional')])))
        yield '\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'):
        pass
        yield '## Breaking changes\n'
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'))))
        yield '\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations'):
        pass
        yield '## Deprecations\n'
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations'))))
        yield '\n\n'
    yield '## Migration notes\n<!-- tidegate:edit migration-notes -->\n'
    if (environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide') or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')):
        pass
        yield str(environment.finalize(t_1([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')])))
        yield '\n'
    elif environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'):
        pass
        yield 'Not written yet, although there are breaking changes.\n'
    else:
        pass
        yield 'No migration required.\n'
    yield '<!-- /tidegate:edit -->\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'):
        pass
        yield '## Requirements\n'
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'))))
        yield '\n\n'
    yield '## Known issues\n<!-- tidegate:edit known-issues -->\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'known_issues')) or 'None')))
    yield '\n<!-- /tidegate:edit -->\n'

blocks = {}
debug_info = '2=31&5=35&7=45&9=48&13=51&16=53&18=55&20=58&23=60&25=63&28=65&30=68&35=71&36=73&37=75&44=82&46=85&51=88'
