from jinja2.runtime import LoopContext, Macro, Markup, Namespace, TemplateNotFound, TemplateReference, TemplateRuntimeError, Undefined, escape, identity, internalcode, markup_join, missing, str_join
name = 'towne-park'

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
    pass
    yield '# '
    yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'title')))
    yield ' '
    yield str(environment.finalize((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'version') or 'Unreleased')))
    yield ': Release Notes\n\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on'):
        pass
        yield 'Released on '
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on')))
        yield '.\n\n'
    yield '## Feature descriptions\n<!-- tidegate:edit feature-descriptions -->\n'
    yield str(environment.finalize((t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'highlights'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'features')]) or 'None')))
    yield '\n<!-- /tidegate:edit -->\n\n## Fixes and improvements\n'
    yield str(environment.finalize((t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'security'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'fixes'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'improvements'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'removed'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'other'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'unconventional')]) or 'None')))
    yield '\n\n'
    if (((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking') or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide')) or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')):
        pass
        yield '## What to do\n'
        yield str(environment.finalize(t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations')])))
        yield '\n\n'
        yield str(environment.finalize(t_1([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')])))
        yield '\n\n'
    yield '## Known issues\n<!-- tidegate:edit known-issues -->\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'known_issues')) or 'None')))
    yield '\n<!-- /tidegate:edit -->\n'

blocks = {}
debug_info = '2=25&4=29&5=32&10=35&14=37&16=39&18=42&20=44&25=47'
